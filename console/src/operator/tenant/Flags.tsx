import { useQuery, useQueryClient } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";
import { ErrorNote, Loading } from "~/ui/Note";
import { complain, say } from "~/ui/toast";

import { type Flag, FlagTable } from "../FlagTable";
import { flagsQuery, keyOf } from "./tenant";

export function FlagsPart({ tenant }: { tenant: string }) {
  const queries = useQueryClient();
  const { data, error, refetch } = useQuery(flagsQuery(tenant));

  async function put({ name }: Flag, isOn: boolean | null): Promise<void> {
    try {
      const params = { path: { tenant, name } };
      await answer(admin.PUT("/tenants/{tenant}/flags/{name}", { params, body: { is_on: isOn } }));
      say("Every edge hears of it within a second.");
    } catch (refused) {
      complain(refused);
    }
    await queries.invalidateQueries({ queryKey: keyOf(tenant, "flags") });
  }

  return (
    <>
      {error ? <ErrorNote error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <FlagTable flags={data} of="tenant" onSay={(flag, isOn) => void put(flag, isOn)} />
      ) : error ? null : (
        <Loading lines={3} />
      )}
    </>
  );
}
