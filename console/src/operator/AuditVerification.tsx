import { useQuery } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";
import { count } from "~/format/number";
import { Button } from "~/ui/Button";
import { Badge, ErrorNote } from "~/ui/Note";

/** Asked for by a person only: it reads every chain. */
export function AuditVerification() {
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["operator", "audit", "verify"],
    queryFn: () => answer(admin.GET("/audit/verify")),
    enabled: false,
  });
  return (
    <div className="bar">
      <Button busy={isFetching} onClick={() => void refetch()}>
        Check that nothing was tampered with
      </Button>
      {error ? <ErrorNote error={error} /> : null}
      {data ? (
        data.is_whole ? (
          <Badge tone="good">whole: {count(data.sealed)} entries</Badge>
        ) : (
          <Badge tone="bad">
            {data.faults.length} faults, the first: {data.faults[0]?.fault}
          </Badge>
        )
      ) : null}
    </div>
  );
}
