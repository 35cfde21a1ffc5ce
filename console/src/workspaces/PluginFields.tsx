import { CheckField, FieldGroup, TextArea } from "~/ui/Field";

import { type Plugins, pluginsTrouble } from "./plugins";

/** The plugins that requests get which do not name them, and whether somebody below may say otherwise. */
export function PluginFields({
  of,
  whose,
  mayWrite,
  onChange,
}: {
  of: Plugins;
  whose: "workspace" | "organisation";
  mayWrite: boolean;
  onChange: (changes: Partial<Plugins>) => void;
}) {
  const [whoNamesNone, whoCannot] =
    whose === "workspace"
      ? ["its preset names", "no request can replace or disable them"]
      : ["its preset or workspace names", "no workspace and no request can replace or disable them"];
  return (
    <FieldGroup legend="Plugins of requests">
      <TextArea
        label="Entries"
        hint={
          <>
            A request gets each of these plugins that neither it nor {whoNamesNone}. A list of JSON, as a
            request&apos;s <span className="mono">plugins</span>: each entry has an{" "}
            <span className="mono">id</span> and its settings. Empty = none.
          </>
        }
        error={pluginsTrouble(of.text) ?? (of.broken && `Requests go without an entry: ${of.broken}.`)}
        isCode
        rows={Math.min(14, Math.max(3, of.text.split("\n").length))}
        placeholder={'[{"id": "auto-router", "allowed_models": ["openai/*"]}]'}
        readOnly={!mayWrite}
        value={of.text}
        onChange={(event) => onChange({ text: event.target.value, broken: null })}
      />
      <CheckField
        label="These are final:"
        hint={whoCannot}
        disabled={!mayWrite}
        checked={of.isFinal}
        onChange={(event) => onChange({ isFinal: event.target.checked })}
      />
    </FieldGroup>
  );
}
