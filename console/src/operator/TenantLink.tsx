import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { tenantsQuery } from "./tenants";

/** What tenants are called, by their ids. */
export function useTenantNames(): Map<string, string> {
  const { data } = useQuery(tenantsQuery);
  return useMemo(() => new Map(data?.map((tenant) => [tenant.id, tenant.name])), [data]);
}

const PLATFORM = "00000000-0000-0000-0000-000000000000";

export function TenantLink({ id, names }: { id: string | null | undefined; names: Map<string, string> }) {
  if (!id) return <span className="soft">–</span>;
  if (id === PLATFORM) return <span className="soft">the platform</span>;
  return (
    <Link className="cut" to="/operator/tenants/$id" params={{ id }} title={id}>
      {names.get(id) ?? id}
    </Link>
  );
}
