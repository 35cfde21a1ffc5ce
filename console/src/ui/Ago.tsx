import { ago, dateTime } from "~/format/time";

/** How long ago something was; the moment itself when it is pointed at. */
export function Ago({ of }: { of: string | null | undefined }) {
  return (
    <time dateTime={of ?? undefined} title={dateTime(of)}>
      {ago(of)}
    </time>
  );
}
