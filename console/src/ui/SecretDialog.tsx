import { Button } from "./Button";
import { CodeBlock } from "./Copy";
import { Dialog } from "./Dialog";
import { Note } from "./Note";

/** What is shown once and by nobody again. */
export function SecretDialog({
  title,
  label,
  secret,
  onClose,
}: {
  title: string;
  /** What the secret is of, for those who do not see it. */
  label: string;
  secret: string;
  onClose: () => void;
}) {
  return (
    <Dialog
      open
      isSticky
      title={title}
      onClose={onClose}
      footer={
        <Button kind="primary" onClick={onClose}>
          I have kept it
        </Button>
      }
    >
      <Note tone="warn">Copy it now: it is never shown again.</Note>
      <CodeBlock code={secret} label={label} />
    </Dialog>
  );
}
