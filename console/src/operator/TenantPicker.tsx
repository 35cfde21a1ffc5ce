// Chooses a tenant by typing: the API searches, so that it makes no difference how many there are.

import { Combobox } from "@base-ui/react/combobox";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";

import { messageOf } from "~/api/errors";
import { Button } from "~/ui/Button";
import { useSettled } from "~/ui/settled";

import "./tenant-picker.css";
import { type Tenant, offeredQuery, tenantQuery } from "./tenants";

export interface TenantPickerProps {
  /** An id. */
  value: string | undefined;
  onChange: (id: string | undefined) => void;
  /** What it means that none is chosen. */
  placeholder: string;
  id?: string;
  "aria-label"?: string;
}

/** The chosen tenant; called by its id until its name is known. */
function useChosen(id: string | undefined): Tenant | null {
  const { data } = useQuery({ ...tenantQuery(id ?? ""), enabled: id !== undefined });
  return id === undefined ? null : (data ?? { id, name: id, slug: "", created_at: "" });
}

function fits(one: Tenant, words: string): boolean {
  const sought = words.toLowerCase();
  return `${one.name}\n${one.slug}`.toLowerCase().includes(sought) || one.id.startsWith(sought);
}

function said(offered: { data: Tenant[]; next?: string | null } | undefined, error: Error | null): string {
  if (error) return messageOf(error);
  if (offered === undefined) return "Searching…";
  if (offered.data.length === 0) return "No tenant is called that.";
  return offered.next ? "There are more: type a part of a name, a slug or an id." : "";
}

export function TenantPicker({ value, onChange, placeholder, ...ties }: TenantPickerProps) {
  const queries = useQueryClient();
  const chosen = useChosen(value);
  const [isOpen, setOpen] = useState(false);
  // What is typed while it is open; null = nothing yet.
  const [typed, setTyped] = useState<string | null>(null);
  const words = (typed ?? "").trim();
  const search = useSettled(words);
  const { data: offered, error, isPlaceholderData } = useQuery({ ...offeredQuery(search), enabled: isOpen });
  const isBehind = words !== search || isPlaceholderData;
  // Until the API has answered what is typed now, only what fits it: nobody chooses a tenant of the words before.
  const items = offered?.data.filter((one) => !isBehind || fits(one, words)) ?? [];
  return (
    <Combobox.Root<Tenant>
      items={items}
      filter={null}
      value={chosen}
      itemToStringLabel={(one) => one.name}
      isItemEqualToValue={(one, other) => one.id === other.id}
      inputValue={typed ?? chosen?.name ?? ""}
      onInputValueChange={(text, { reason }) => {
        if (reason === "input-change") setTyped(text);
      }}
      onValueChange={(one) => {
        onChange(one?.id);
        if (one === null) return;
        // It is known already what it is called.
        queries.setQueryData(tenantQuery(one.id).queryKey, one);
        setTyped(null);
      }}
      onOpenChange={(open) => {
        setOpen(open);
        if (!open) setTyped(null);
      }}
      autoHighlight
    >
      <div className="tenant-picker">
        <Combobox.Input className="input" placeholder={placeholder} {...ties} />
        {chosen ? (
          <Button
            kind="quiet"
            size="small"
            shape="square"
            aria-label="Choose no tenant"
            onClick={() => onChange(undefined)}
          >
            ✕
          </Button>
        ) : null}
      </div>
      <Combobox.Portal>
        <Combobox.Positioner align="start" sideOffset={4}>
          <Combobox.Popup className="menu tenant-options">
            <Combobox.List className="tenant-list">
              {(one: Tenant) => (
                <Combobox.Item key={one.id} value={one} className="menu-item">
                  <span className="whole">{one.name}</span>
                  <span className="soft mono whole">{one.slug}</span>
                </Combobox.Item>
              )}
            </Combobox.List>
            <Combobox.Status className="tenant-said">
              {said(isBehind ? undefined : offered, error)}
            </Combobox.Status>
          </Combobox.Popup>
        </Combobox.Positioner>
      </Combobox.Portal>
    </Combobox.Root>
  );
}

export function TenantField({ label, ...picker }: { label: ReactNode } & TenantPickerProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <TenantPicker id={id} {...picker} />
    </div>
  );
}
