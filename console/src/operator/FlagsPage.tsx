import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { admin, answer } from "~/api/client";
import { FormDialog } from "~/ui/Dialog";
import { ErrorNote, Loading } from "~/ui/Note";
import { Page } from "~/ui/Page";
import { say } from "~/ui/toast";

import { type Flag, FlagTable } from "./FlagTable";

interface Asked {
  flag: Flag;
  isOn: boolean | null;
}

function SayDialog({ of: { flag, isOn }, onClose }: { of: Asked; onClose: () => void }) {
  const will = isOn ?? flag.default;
  async function submit(): Promise<void> {
    const params = { path: { name: flag.name } };
    await answer(admin.PUT("/flags/{name}", { params, body: { is_on: isOn } }));
    say("Every edge hears of it within a second.");
  }
  return (
    <FormDialog
      title={`${flag.name} ${will ? "on" : "off"} for everybody?`}
      kind={will ? "primary" : "danger"}
      action={isOn === null ? "Back to the default" : will ? "Turn it on" : "Turn it off"}
      onClose={onClose}
      changes={[
        ["operator", "flags"],
        ["operator", "tenant"],
      ]}
      onSubmit={submit}
    >
      <p>{flag.description}</p>
      <p className="soft">
        It is in force within a second for every tenant that nothing else is said of on its own page.
      </p>
    </FormDialog>
  );
}

export function FlagsPage() {
  const { data, error, refetch } = useQuery({
    queryKey: ["operator", "flags"],
    queryFn: async () => (await answer(admin.GET("/flags"))).data,
  });
  const [asked, ask] = useState<Asked | null>(null);
  return (
    <Page
      title="Feature flags"
      about="What is turned on and off while the service runs. What is said of a tenant goes first, then what is said here, then the default."
    >
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <FlagTable flags={data} of="everybody" onSay={(flag, isOn) => ask({ flag, isOn })} />
      ) : error ? null : (
        <Loading />
      )}
      {asked ? <SayDialog of={asked} onClose={() => ask(null)} /> : null}
    </Page>
  );
}
