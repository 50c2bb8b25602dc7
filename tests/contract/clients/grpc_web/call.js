// Calls the service with a published grpc-web client: node call.js CLIENT FORMAT URL < calls.json
//
// A call is [method, base64 of the request, metadata]; printed is for each {reply: base64} or {code, message}.

const grpcWeb = require(process.argv[2]);
global.XMLHttpRequest = require("xhr2");

const [format, url] = process.argv.slice(3);
const client = new grpcWeb.GrpcWebClientBase({ format });

// In place of generated stubs: requests and replies are bytes.
const descriptor = (method) =>
  new grpcWeb.MethodDescriptor(
    `/ml_metadata.MetadataStoreService/${method}`,
    grpcWeb.MethodType.UNARY,
    Uint8Array,
    Uint8Array,
    (request) => request,
    (reply) => Buffer.from(reply).toString("base64"),
  );

const call = ([method, request, metadata]) =>
  new Promise((resolve) => {
    const described = descriptor(method);
    const bytes = new Uint8Array(Buffer.from(request, "base64"));
    client.rpcCall(url + described.getName(), bytes, metadata, described, (error, reply) =>
      resolve(error ? { code: error.code, message: error.message } : { reply }),
    );
  });

const main = async () => {
  const answers = [];
  for (const one of JSON.parse(require("node:fs").readFileSync(0, "utf8"))) answers.push(await call(one));
  console.log(JSON.stringify(answers));
};

main();
