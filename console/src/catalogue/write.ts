// Changing rows of the catalogue: what is sent, and with which tag.

import { admin, document } from "~/api/client";

import { ENDPOINT, MODEL, PROVIDER } from "./fields";
import { changed, formOf, withAliases } from "./members";
import {
  type Done,
  type Endpoint,
  type Members,
  type Model,
  type Preview,
  type Provider,
  modelPath,
  readEndpoint,
  readModel,
  readProvider,
} from "./rows";

/** A dry run is answered with a preview, a change with where it is. */
type Sent = Promise<Preview & Done>;

const under = (tag: string | null) => (tag === null ? {} : { header: { "If-Match": tag } });
const once = () => ({ header: { "Idempotency-Key": crypto.randomUUID() } });

export const makeProvider = (body: Members): Sent =>
  document(admin.POST("/providers", { params: once(), body }));
export const makeModel = (body: Members): Sent =>
  document(admin.POST("/models", { params: once(), body: withAliases(body, []) }));
export const makeEndpoint = (body: Members): Sent =>
  document(admin.POST("/endpoints", { params: once(), body }));

export const changeProvider =
  (row: Provider) =>
  (body: Members): Sent =>
    changed(
      PROVIDER,
      formOf(PROVIDER, row),
      () => readProvider(row.slug),
      (tag) =>
        document(
          admin.PATCH("/providers/{slug}", { params: { path: { slug: row.slug }, ...under(tag) }, body }),
        ),
    );

export const changeModel =
  (row: Model) =>
  (body: Members): Sent =>
    changed(
      MODEL,
      formOf(MODEL, row),
      () => readModel(row.slug),
      (tag) =>
        document(
          admin.PATCH("/models/{author}/{name}", {
            params: { path: modelPath(row.slug), ...under(tag) },
            body: withAliases(body, row.aliases),
          }),
        ),
    );

export const changeEndpoint =
  (row: Endpoint) =>
  (body: Members): Sent =>
    changed(
      ENDPOINT,
      formOf(ENDPOINT, row),
      () => readEndpoint(row.id),
      (tag) =>
        document(admin.PATCH("/endpoints/{id}", { params: { path: { id: row.id }, ...under(tag) }, body })),
    );

export const withdrawProvider = (row: Provider): Promise<Done> =>
  changed(
    PROVIDER,
    formOf(PROVIDER, row),
    () => readProvider(row.slug),
    (tag) =>
      document(admin.DELETE("/providers/{slug}", { params: { path: { slug: row.slug }, ...under(tag) } })),
  );

export const withdrawModel = (row: Model): Promise<Done> =>
  changed(
    MODEL,
    formOf(MODEL, row),
    () => readModel(row.slug),
    (tag) =>
      document(
        admin.DELETE("/models/{author}/{name}", { params: { path: modelPath(row.slug), ...under(tag) } }),
      ),
  );

export const withdrawEndpoint = (row: Endpoint): Promise<Done> =>
  changed(
    ENDPOINT,
    formOf(ENDPOINT, row),
    () => readEndpoint(row.id),
    (tag) => document(admin.DELETE("/endpoints/{id}", { params: { path: { id: row.id }, ...under(tag) } })),
  );

export const withdrawPrice = (id: string): Promise<Done> =>
  document(admin.DELETE("/prices/{id}", { params: { path: { id } } }));
