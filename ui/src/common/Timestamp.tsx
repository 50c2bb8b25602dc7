import { localTime, parseTime } from "../model/time";

/** A logged time in the reader's zone, with the logged text as a tooltip; text that is no time is shown as it is. */
export function Timestamp({ text }: { text: string }) {
  const milliseconds = parseTime(text);
  if (milliseconds === undefined) return text;
  return (
    <time dateTime={new Date(milliseconds).toISOString()} title={text}>
      {localTime(milliseconds)}
    </time>
  );
}
