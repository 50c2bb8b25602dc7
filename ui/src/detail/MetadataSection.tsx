import { CopyButton } from "../common/CopyButton";
import { LongText } from "../common/LongText";
import { ALL_META } from "../model/artifact";
import { prettyJson } from "../model/json";
import { JsonView } from "./JsonView";
import { Section } from "./Section";

interface MetadataSectionProps {
  text: string;
  /** What the text holds, or undefined if it is not JSON. */
  document: object | undefined;
}

/** `__ALL_META__`: everything the SDK logged, in one document. */
export function MetadataSection({ text, document }: MetadataSectionProps) {
  return (
    <Section
      heading="All metadata"
      source={ALL_META}
      action={
        document ? (
          <CopyButton wide text={prettyJson(document)} label="Copy JSON" />
        ) : (
          <CopyButton wide text={text} label="Copy text" />
        )
      }
    >
      {document ? <JsonView value={document} /> : <LongText text={text} />}
    </Section>
  );
}
