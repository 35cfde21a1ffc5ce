import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { answer, api } from "~/api/client";
import { wholeList } from "~/api/pages";
import { keysQuery } from "~/keys/keys";
import { membersQuery, nameOf } from "~/members/members";
import { useMay } from "~/session/session";
import { Button } from "~/ui/Button";
import { CheckField } from "~/ui/Field";
import { ErrorNote, Loading, failureOf } from "~/ui/Note";
import { Card, Page } from "~/ui/Page";
import { complain } from "~/ui/toast";

import { GuardrailDialog } from "./GuardrailDialog";
import { DeleteGuardrailDialog, Rules } from "./GuardrailsPage";
import { guardrailQuery } from "./guardrails";

const route = getRouteApi("/inside/guardrails/$id");

/** So many are shown at once. */
const MOST = 200;

interface Candidate {
  id: string;
  name: string;
  hint?: string;
}

function Assignments({
  title,
  none,
  candidates,
  assigned,
  mayWrite,
  onToggle,
}: {
  title: string;
  none: string;
  candidates: Candidate[] | undefined;
  assigned: Set<string> | undefined;
  mayWrite: boolean;
  onToggle: (id: string, isAssigned: boolean) => void;
}) {
  const [query, setQuery] = useState("");
  const fitting = candidates?.filter((one) =>
    `${one.name} ${one.hint ?? ""}`.toLowerCase().includes(query.toLowerCase()),
  );
  const shown = fitting?.slice(0, MOST);
  return (
    <Card title={title}>
      {shown && assigned ? (
        <div className="stack">
          <input
            type="search"
            className="input"
            placeholder="Search"
            aria-label={`Search ${title.toLowerCase()}`}
            value={query}
            onChange={(event) => setQuery(event.target.value)}
          />
          {shown.length === 0 ? (
            <p className="soft">{query === "" ? `No ${title.toLowerCase()} yet.` : none}</p>
          ) : null}
          <div className="stack member-list">
            {shown.map((one) => (
              <CheckField
                key={one.id}
                label={one.name}
                hint={one.hint}
                disabled={!mayWrite}
                checked={assigned.has(one.id)}
                onChange={() => onToggle(one.id, assigned.has(one.id))}
              />
            ))}
          </div>
          {fitting && fitting.length > MOST ? (
            <p className="soft">{fitting.length - MOST} more: search for them.</p>
          ) : null}
        </div>
      ) : (
        <Loading lines={3} />
      )}
    </Card>
  );
}

/** What it is assigned to. A key and a member have one guardrail each: assigning this one takes another's place. */
function Assigned({
  id,
  workspace,
  mayWrite,
}: {
  id: string;
  workspace: string | undefined;
  mayWrite: boolean;
}) {
  const queries = useQueryClient();
  const path = { id };
  const keys = useQuery(keysQuery({ workspace, kind: "inference" }));
  const members = useQuery(membersQuery);
  const ofKeys = useQuery({
    queryKey: ["guardrails", "one", id, "keys"],
    queryFn: () =>
      wholeList((query) => answer(api.GET("/guardrails/{id}/assignments/keys", { params: { path, query } }))),
  });
  const ofMembers = useQuery({
    queryKey: ["guardrails", "one", id, "members"],
    queryFn: () =>
      wholeList((query) =>
        answer(api.GET("/guardrails/{id}/assignments/members", { params: { path, query } })),
      ),
  });
  const done = {
    onSuccess: () => queries.invalidateQueries({ queryKey: ["guardrails", "one", id] }),
    onError: complain,
  };
  const setKey = useMutation({
    mutationFn: ({ one, is }: { one: string; is: boolean }) => {
      const asked = { params: { path }, body: { key_hashes: [one] } };
      return is
        ? answer<unknown>(api.POST("/guardrails/{id}/assignments/keys/remove", asked))
        : answer<unknown>(api.POST("/guardrails/{id}/assignments/keys", asked));
    },
    ...done,
  });
  const setMember = useMutation({
    mutationFn: ({ one, is }: { one: string; is: boolean }) => {
      const asked = { params: { path }, body: { member_user_ids: [one] } };
      return is
        ? answer<unknown>(api.POST("/guardrails/{id}/assignments/members/remove", asked))
        : answer<unknown>(api.POST("/guardrails/{id}/assignments/members", asked));
    },
    ...done,
  });
  const failure = failureOf(keys, members, ofKeys, ofMembers);
  if (failure) return <ErrorNote {...failure} />;
  return (
    <div className="columns">
      <Assignments
        title="Keys"
        none="No key is called that."
        candidates={keys.data?.map((key) => ({ id: key.hash, name: key.name, hint: key.label }))}
        assigned={ofKeys.data && new Set(ofKeys.data.map((one) => one.key_hash))}
        mayWrite={mayWrite}
        onToggle={(one, is) => setKey.mutate({ one, is })}
      />
      <Assignments
        title="Members"
        none="No member is called that."
        candidates={members.data?.map((member) => ({
          id: member.id,
          name: nameOf(member),
          hint: member.email,
        }))}
        assigned={ofMembers.data && new Set(ofMembers.data.map((one) => one.user_id))}
        mayWrite={mayWrite}
        onToggle={(one, is) => setMember.mutate({ one, is })}
      />
    </div>
  );
}

export function GuardrailPage() {
  const { id } = route.useParams();
  const navigate = route.useNavigate();
  const mayWrite = useMay()("guardrails.write");
  const [asked, ask] = useState<"change" | "delete" | null>(null);
  const { data, error, refetch } = useQuery(guardrailQuery(id));
  if (!data) {
    return (
      <Page title="Guardrail">
        {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : <Loading />}
      </Page>
    );
  }
  return (
    <Page
      title={data.name}
      about={data.description}
      actions={
        mayWrite ? (
          <>
            <Button onClick={() => ask("change")}>Change the rules</Button>
            <Button kind="danger" onClick={() => ask("delete")}>
              Delete
            </Button>
          </>
        ) : null
      }
    >
      <Rules of={data} />
      <h2>Holds for</h2>
      <Assigned id={id} workspace={data.workspace_id ?? undefined} mayWrite={mayWrite} />
      {asked === "change" ? (
        <GuardrailDialog of={data} workspace={undefined} onClose={() => ask(null)} />
      ) : null}
      {asked === "delete" ? (
        <DeleteGuardrailDialog
          of={data}
          onClose={() => ask(null)}
          onDeleted={() => void navigate({ to: "/guardrails", search: {} })}
        />
      ) : null}
    </Page>
  );
}
