import { queryOptions } from "@tanstack/react-query";

import { admin, answer } from "~/api/client";
import type { components } from "~/api/generated/admin";

export type Tenant = components["schemas"]["Tenant"];

const PAGE = 100;
const MOST = 5000;

/** Every tenant, in the API's order. A page's last row leads to the next page. */
export const tenantsQuery = queryOptions({
  queryKey: ["operator", "tenants"],
  queryFn: async () => {
    const all: Tenant[] = [];
    while (all.length < MOST) {
      const after = all.at(-1)?.id;
      const { data } = await answer(admin.GET("/tenants", { params: { query: after ? { after } : {} } }));
      const known = new Set(all.map((tenant) => tenant.id));
      const fresh = data.filter((tenant) => !known.has(tenant.id));
      all.push(...fresh);
      if (data.length < PAGE || fresh.length === 0) break;
    }
    return all;
  },
});
