// Changing rows of the catalogue: what is sent, and with which tag.

import { admin, document } from "~/api/client";
import type { Once } from "~/api/once";

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

export const makeProvider = (body: Members, once: Once): Sent =>
  document(admin.POST("/providers", { params: { header: once(body) }, body }));
export const makeModel = (members: Members, once: Once): Sent => {
  const body = withAliases(members, []);
  return document(admin.POST("/models", { params: { header: once(body) }, body }));
};
export const makeEndpoint = (body: Members, once: Once): Sent =>
  document(admin.POST("/endpoints", { params: { header: once(body) }, body }));

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
