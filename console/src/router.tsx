// Every route. A page is one line here and one in `shell/navigation.ts`; its code loads when it is first opened.

import { type QueryClient, useQuery } from "@tanstack/react-query";
import {
  type ErrorComponentProps,
  Navigate,
  Outlet,
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent as page,
  redirect,
  useRouterState,
} from "@tanstack/react-router";

import { activitySearch } from "./activity/search";
import { catalogueSearch, changesSearch } from "./catalogue/search";
import { decisionsSearch } from "./decisions/decisions";
import { modelsSearch } from "./models/search";
import { invoiceSearch } from "./operator/invoices";
import { ledgerSearch } from "./operator/ledger";
import { tenantSearch } from "./operator/tenant/tenant";
import { tenantsSearch } from "./operator/tenants";
import { queries } from "./queries";
import { sessionQuery } from "./session/session";
import { Shell } from "./shell/Shell";
import { ButtonLink } from "./ui/Button";
import { Empty, ErrorNote, Loading } from "./ui/Note";
import { Page } from "./ui/Page";

/** Every page of those who are signed in; when their session ends they sign in and come back. */
function Inside() {
  const { data: session } = useQuery(sessionQuery);
  // On its way to signing in the page is still this one: where it leads to is no place to come back to.
  const next = useRouterState({
    select: ({ location }) => (location.pathname === "/sign-in" ? null : location.href),
  });
  if (session !== null) return <Shell />;
  return next === null ? null : <Navigate to="/sign-in" search={{ next }} replace />;
}

function Failed({ error, reset }: ErrorComponentProps) {
  return (
    <div className="page">
      <ErrorNote error={error} onRetry={reset} />
    </div>
  );
}

function Missing() {
  return (
    <Page title="There is no such page">
      <Empty title="The address leads nowhere" action={<ButtonLink to="/">Go to the start</ButtonLink>}>
        It may have been mistyped, or what it showed is gone.
      </Empty>
    </Page>
  );
}

function Waiting() {
  return (
    <div className="page">
      <Loading />
    </div>
  );
}

type Raw = Record<string, unknown>;
const words = (raw: Raw, name: string): string | undefined => {
  const value = raw[name];
  return typeof value === "string" && value !== "" ? value : undefined;
};
/** The workspace that a list is of; the default one when the address names none. */
const workspaceSearch = (raw: Raw): { workspace?: string | undefined } => ({
  workspace: words(raw, "workspace"),
});

const root = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Outlet,
  notFoundComponent: Missing,
});

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (raw: Raw): { next?: string | undefined } => ({ next: words(raw, "next") }),
  component: page(() => import("./session/SignInPage"), "SignInPage"),
});

const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  async beforeLoad({ context, location }) {
    const session = await context.queries.ensureQueryData(sessionQuery);
    if (session === null)
      throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
  },
  component: Inside,
});
const within = { getParentRoute: () => inside };

const start = createRoute({
  ...within,
  path: "/",
  component: page(() => import("./start/StartPage"), "StartPage"),
});
const models = createRoute({
  ...within,
  path: "/models",
  validateSearch: modelsSearch,
  component: page(() => import("./models/ModelsPage"), "ModelsPage"),
});
const compare = createRoute({
  ...within,
  path: "/compare",
  validateSearch: (raw: Raw): { models?: string | undefined } => ({ models: words(raw, "models") }),
  component: page(() => import("./models/ComparePage"), "ComparePage"),
});
const model = createRoute({
  ...within,
  path: "/model/$",
  component: page(() => import("./models/ModelPage"), "ModelPage"),
});
const playground = createRoute({
  ...within,
  path: "/playground",
  validateSearch: (raw: Raw): { models?: string | undefined } => ({ models: words(raw, "models") }),
  component: page(() => import("./playground/PlaygroundPage"), "PlaygroundPage"),
});
const keys = createRoute({
  ...within,
  path: "/keys",
  validateSearch: (raw: Raw): { workspace?: string | undefined; kind?: "management" | undefined } => ({
    ...workspaceSearch(raw),
    kind: raw["kind"] === "management" ? "management" : undefined,
  }),
  component: page(() => import("./keys/KeysPage"), "KeysPage"),
});
const key = createRoute({
  ...within,
  path: "/keys/$hash",
  component: page(() => import("./keys/KeyPage"), "KeyPage"),
});
const activity = createRoute({
  ...within,
  path: "/activity",
  validateSearch: activitySearch,
  component: page(() => import("./activity/ActivityPage"), "ActivityPage"),
});
const generation = createRoute({
  ...within,
  path: "/generations/$id",
  component: page(() => import("./activity/GenerationPage"), "GenerationPage"),
});

const members = createRoute({
  ...within,
  path: "/members",
  component: page(() => import("./members/MembersPage"), "MembersPage"),
});
const workspaces = createRoute({
  ...within,
  path: "/workspaces",
  component: page(() => import("./workspaces/WorkspacesPage"), "WorkspacesPage"),
});
const workspace = createRoute({
  ...within,
  path: "/workspaces/$id",
  component: page(() => import("./workspaces/WorkspacePage"), "WorkspacePage"),
});
const audit = createRoute({
  ...within,
  path: "/audit",
  component: page(() => import("./audit/AuditPage"), "AuditPage"),
});
const settings = createRoute({
  ...within,
  path: "/settings",
  component: page(() => import("./settings/SettingsPage"), "SettingsPage"),
});
const guardrails = createRoute({
  ...within,
  path: "/guardrails",
  validateSearch: workspaceSearch,
  component: page(() => import("./guardrails/GuardrailsPage"), "GuardrailsPage"),
});
const guardrail = createRoute({
  ...within,
  path: "/guardrails/$id",
  component: page(() => import("./guardrails/GuardrailPage"), "GuardrailPage"),
});
const byok = createRoute({
  ...within,
  path: "/byok",
  validateSearch: workspaceSearch,
  component: page(() => import("./byok/ByokPage"), "ByokPage"),
});
const presets = createRoute({
  ...within,
  path: "/presets",
  validateSearch: workspaceSearch,
  component: page(() => import("./presets/PresetsPage"), "PresetsPage"),
});
const destinations = createRoute({
  ...within,
  path: "/destinations",
  validateSearch: workspaceSearch,
  component: page(() => import("./destinations/DestinationsPage"), "DestinationsPage"),
});
const credits = createRoute({
  ...within,
  path: "/credits",
  component: page(() => import("./credits/CreditsPage"), "CreditsPage"),
});
const invoices = createRoute({
  ...within,
  path: "/invoices",
  component: page(() => import("./invoices/InvoicesPage"), "InvoicesPage"),
});
const WHICH = ["public", "account", "admin"] as const;
const explorer = createRoute({
  ...within,
  path: "/explorer",
  validateSearch: (
    raw: Raw,
  ): { of?: (typeof WHICH)[number] | undefined; q?: string | undefined; operation?: string | undefined } => ({
    of: WHICH.find((one) => one === raw["of"]),
    q: words(raw, "q"),
    operation: words(raw, "operation"),
  }),
  component: page(() => import("./explorer/ExplorerPage"), "ExplorerPage"),
});

// The operators' pages. The server refuses what they ask for when somebody else opens them.
const overview = createRoute({
  ...within,
  path: "/operator",
  component: page(() => import("./operator/OverviewPage"), "OverviewPage"),
});
const tenants = createRoute({
  ...within,
  path: "/operator/tenants",
  validateSearch: tenantsSearch,
  component: page(() => import("./operator/TenantsPage"), "TenantsPage"),
});
const tenant = createRoute({
  ...within,
  path: "/operator/tenants/$id",
  validateSearch: tenantSearch,
  component: page(() => import("./operator/TenantPage"), "TenantPage"),
});
const health = createRoute({
  ...within,
  path: "/operator/health",
  component: page(() => import("./operator/HealthPage"), "HealthPage"),
});
const ledger = createRoute({
  ...within,
  path: "/operator/ledger",
  validateSearch: ledgerSearch,
  component: page(() => import("./operator/LedgerPage"), "LedgerPage"),
});
const invariants = createRoute({
  ...within,
  path: "/operator/invariants",
  component: page(() => import("./operator/InvariantsPage"), "InvariantsPage"),
});
const plans = createRoute({
  ...within,
  path: "/operator/plans",
  component: page(() => import("./operator/PlansPage"), "PlansPage"),
});
const plan = createRoute({
  ...within,
  path: "/operator/plans/$name",
  component: page(() => import("./operator/PlanPage"), "PlanPage"),
});
const periods = createRoute({
  ...within,
  path: "/operator/periods",
  component: page(() => import("./operator/PeriodsPage"), "PeriodsPage"),
});
const tenantInvoices = createRoute({
  ...within,
  path: "/operator/invoices",
  validateSearch: invoiceSearch,
  component: page(() => import("./operator/InvoicesPage"), "InvoicesPage"),
});
const tenantInvoice = createRoute({
  ...within,
  path: "/operator/invoices/$id",
  component: page(() => import("./operator/InvoicePage"), "InvoicePage"),
});
const bills = createRoute({
  ...within,
  path: "/operator/bills",
  validateSearch: (raw: Raw): { provider?: string | undefined } => ({ provider: words(raw, "provider") }),
  component: page(() => import("./operator/BillsPage"), "BillsPage"),
});
const bill = createRoute({
  ...within,
  path: "/operator/bills/$id",
  component: page(() => import("./operator/BillPage"), "BillPage"),
});
const accounts = createRoute({
  ...within,
  path: "/operator/accounts",
  component: page(() => import("./operator/AccountsPage"), "AccountsPage"),
});
const status = createRoute({
  ...within,
  path: "/operator/status",
  component: page(() => import("./operator/StatusPage"), "StatusPage"),
});
const parked = createRoute({
  ...within,
  path: "/operator/parked",
  validateSearch: (raw: Raw): { all?: true | undefined } => ({ all: raw["all"] === true || undefined }),
  component: page(() => import("./operator/ParkedPage"), "ParkedPage"),
});
const flags = createRoute({
  ...within,
  path: "/operator/flags",
  component: page(() => import("./operator/FlagsPage"), "FlagsPage"),
});
const seals = createRoute({
  ...within,
  path: "/operator/seals",
  validateSearch: (raw: Raw): { tenant?: string | undefined } => ({ tenant: words(raw, "tenant") }),
  component: page(() => import("./operator/SealsPage"), "SealsPage"),
});
const operatorsAudit = createRoute({
  ...within,
  path: "/operator/audit",
  component: page(() => import("./operator/OperatorsAuditPage"), "OperatorsAuditPage"),
});

// The catalogue, and what routing makes of it.
const catalogueProviders = createRoute({
  ...within,
  path: "/operator/providers",
  validateSearch: catalogueSearch,
  component: page(() => import("./catalogue/ProvidersPage"), "ProvidersPage"),
});
const catalogueProvider = createRoute({
  ...within,
  path: "/operator/providers/$slug",
  component: page(() => import("./catalogue/ProviderPage"), "ProviderPage"),
});
const catalogueEndpoints = createRoute({
  ...within,
  path: "/operator/endpoints",
  validateSearch: catalogueSearch,
  component: page(() => import("./catalogue/EndpointsPage"), "EndpointsPage"),
});
const catalogueEndpoint = createRoute({
  ...within,
  path: "/operator/endpoints/$id",
  component: page(() => import("./catalogue/EndpointPage"), "EndpointPage"),
});
const catalogueModels = createRoute({
  ...within,
  path: "/operator/models",
  validateSearch: catalogueSearch,
  component: page(() => import("./catalogue/CatalogueModelsPage"), "CatalogueModelsPage"),
});
const catalogueModel = createRoute({
  ...within,
  path: "/operator/model/$",
  component: page(() => import("./catalogue/CatalogueModelPage"), "CatalogueModelPage"),
});
const prices = createRoute({
  ...within,
  path: "/operator/prices",
  validateSearch: catalogueSearch,
  component: page(() => import("./catalogue/PricesPage"), "PricesPage"),
});
const changes = createRoute({
  ...within,
  path: "/operator/changes",
  validateSearch: changesSearch,
  component: page(() => import("./catalogue/ChangesPage"), "ChangesPage"),
});
const decisions = createRoute({
  ...within,
  path: "/operator/decisions",
  validateSearch: decisionsSearch,
  component: page(() => import("./decisions/DecisionsPage"), "DecisionsPage"),
});
const decision = createRoute({
  ...within,
  path: "/operator/decisions/$generation",
  component: page(() => import("./decisions/DecisionPage"), "DecisionPage"),
});
const explain = createRoute({
  ...within,
  path: "/operator/explain",
  validateSearch: (raw: Raw): { model?: string | undefined } => ({ model: words(raw, "model") }),
  component: page(() => import("./decisions/ExplainPage"), "ExplainPage"),
});
const replay = createRoute({
  ...within,
  path: "/operator/replay",
  validateSearch: (raw: Raw): { endpoint?: string | undefined } => ({ endpoint: words(raw, "endpoint") }),
  component: page(() => import("./decisions/ReplayPage"), "ReplayPage"),
});

const tree = root.addChildren([
  signIn,
  inside.addChildren([
    explorer,
    overview,
    tenants,
    tenant,
    health,
    ledger,
    invariants,
    operatorsAudit,
    catalogueProviders,
    catalogueProvider,
    catalogueEndpoints,
    catalogueEndpoint,
    catalogueModels,
    catalogueModel,
    prices,
    changes,
    decisions,
    decision,
    explain,
    replay,
    plans,
    plan,
    periods,
    tenantInvoices,
    tenantInvoice,
    bills,
    bill,
    accounts,
    status,
    parked,
    flags,
    seals,
    start,
    models,
    compare,
    model,
    playground,
    keys,
    key,
    activity,
    generation,
    members,
    workspaces,
    workspace,
    audit,
    settings,
    guardrails,
    guardrail,
    byok,
    presets,
    destinations,
    credits,
    invoices,
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  context: { queries },
  defaultErrorComponent: Failed,
  defaultNotFoundComponent: Missing,
  defaultPendingComponent: Waiting,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
