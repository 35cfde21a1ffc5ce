import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";

import { errorOf, messageOf } from "~/api/errors";
import { Mark } from "~/shell/Mark";
import { Button } from "~/ui/Button";
import { TextField } from "~/ui/Field";
import { useForm } from "~/ui/form";
import { Note } from "~/ui/Note";

import "./sign-in.css";
import { safeNext } from "./next";
import { sessionQuery, signIn } from "./session";

const route = getRouteApi("/sign-in");
const SINGLE_SIGN_ON = "/account/v1/oidc/start";

/** Goes to the issuer, or says why there is none. */
async function startSingleSignOn(): Promise<void> {
  const response = await fetch(SINGLE_SIGN_ON, { redirect: "manual" });
  if (response.type === "opaqueredirect") {
    window.location.assign(SINGLE_SIGN_ON);
    return;
  }
  throw errorOf(await response.json().catch(() => null), response.status, response.headers);
}

export function SignInPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const queries = useQueryClient();
  const { form, field } = useForm({ email: "", password: "" });
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  useEffect(() => {
    document.title = "Sign in · Patchbay";
  }, []);

  async function attempt(way: () => Promise<void>): Promise<void> {
    setBusy(true);
    setFailure(null);
    try {
      await way();
    } catch (error) {
      setFailure(messageOf(error));
    } finally {
      setBusy(false);
    }
  }

  async function enter(): Promise<void> {
    const session = await signIn(form.email, form.password);
    queries.clear();
    queries.setQueryData(sessionQuery.queryKey, session);
    router.history.push(safeNext(next));
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    void attempt(enter);
  }

  return (
    <main className="sign-in">
      <form className="sign-in-form form" onSubmit={submit}>
        <div className="sign-in-mark">
          <Mark />
          <h1>Sign in to Patchbay</h1>
        </div>
        <TextField
          label="E-mail"
          type="email"
          name="email"
          autoComplete="username"
          autoFocus
          required
          {...field("email")}
        />
        <TextField
          label="Password"
          type="password"
          name="password"
          autoComplete="current-password"
          required
          {...field("password")}
        />
        {failure === null ? null : <Note tone="bad">{failure}</Note>}
        <Button kind="primary" type="submit" busy={isBusy}>
          Sign in
        </Button>
        <Button onClick={() => void attempt(startSingleSignOn)} disabled={isBusy}>
          Use single sign-on
        </Button>
        <p className="soft">
          <a href="/reset-password">Forgot your password?</a> Whoever runs <code>patchbay dev</code> finds the
          first account in <code>.patchbay/dev.json</code>.
        </p>
      </form>
    </main>
  );
}
