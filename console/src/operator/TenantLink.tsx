import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { tenantNamesQuery, tenantQuery } from "./tenants";

export type Names = ReadonlyMap<string, string>;
const NONE: Names = new Map();
const PLATFORM = "00000000-0000-0000-0000-000000000000";

/** What tenants are called, by their ids: of the first thousand. `TenantLink` asks for the others that it shows. */
export function useTenantNames(): Names {
  return useQuery(tenantNamesQuery).data ?? NONE;
}

/** What a tenant is called; its id until that is known. */
function TenantName({ id }: { id: string }) {
  const names = useQuery(tenantNamesQuery);
  const known = names.data?.get(id);
  const isOther = id !== PLATFORM && names.data !== undefined && known === undefined;
  const other = useQuery({ ...tenantQuery(id), enabled: isOther });
  if (id === PLATFORM) return "the platform";
  return known ?? other.data?.name ?? id;
}

export function TenantLink({ id }: { id: string | null | undefined }) {
  if (!id) return <span className="soft">–</span>;
  if (id === PLATFORM) return <span className="soft">the platform</span>;
  return (
    <Link className="cut" to="/operator/tenants/$id" params={{ id }} title={id}>
      <TenantName id={id} />
    </Link>
  );
}
