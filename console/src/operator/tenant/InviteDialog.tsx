import { useState } from "react";

import { admin, answer } from "~/api/client";
import { useOnce } from "~/api/once";
import { FormDialog } from "~/ui/Dialog";
import { TextField } from "~/ui/Field";
import { say } from "~/ui/toast";

/** How a tenant gets its first owner, or one more. */
export function InviteDialog({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const [email, setEmail] = useState("");
  const once = useOnce();
  async function submit(): Promise<void> {
    const body = { email: email.trim() };
    const params = { path: { tenant }, header: once(body) };
    const { data } = await answer(admin.POST("/tenants/{tenant}/invitations", { params, body }));
    say(`${data.email} is invited.`);
  }
  return (
    <FormDialog title="Invite an owner" action="Invite" onClose={onClose} onSubmit={submit}>
      <TextField
        label="E-mail"
        hint="The invitation is sent by mail and can be accepted within seven days."
        type="email"
        required
        autoFocus
        value={email}
        onChange={(event) => setEmail(event.target.value)}
      />
    </FormDialog>
  );
}
