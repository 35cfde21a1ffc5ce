import { ago, dateTime } from "~/format/time";

/** How long ago something was, if ever; the moment itself when it is pointed at. */
export function Ago({ of }: { of: string | null | undefined }) {
  if (!of) return ago(of);
  return (
    <time dateTime={of} title={dateTime(of)}>
      {ago(of)}
    </time>
  );
}
