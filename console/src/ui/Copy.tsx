import { useEffect, useState } from "react";

import { Button } from "./Button";

/** Copies a text. Where a page may not write to the clipboard (plain HTTP away from localhost) it says so. */
export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [state, setState] = useState<"ready" | "copied" | "refused">("ready");
  useEffect(() => {
    if (state === "ready") return undefined;
    const timer = setTimeout(() => setState("ready"), 1600);
    return () => clearTimeout(timer);
  }, [state]);

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      setState("refused");
    }
  }

  const said = { ready: label, copied: "Copied", refused: "Select and copy" }[state];
  return (
    <Button size="small" onClick={() => void copy()} aria-live="polite">
      {said}
    </Button>
  );
}

export function CodeBlock({ code, label }: { code: string; label: string }) {
  return (
    <div className="code">
      {/* Wide code scrolls sideways, also with the keyboard. */}
      <pre tabIndex={0} role="group" aria-label={label}>
        <code>{code}</code>
      </pre>
      <CopyButton text={code} />
    </div>
  );
}
