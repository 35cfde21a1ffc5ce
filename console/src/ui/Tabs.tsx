import { Link, type LinkProps } from "@tanstack/react-router";
import { useEffect, useRef } from "react";

/** The parts of a page. Which one is shown stands in the address, so each is a link. */
export function Tabs<T extends string>({
  label,
  tabs,
  value,
  searchOf,
}: {
  label: string;
  tabs: readonly { value: T; label: string }[];
  value: T;
  searchOf: (tab: T) => Record<string, string | undefined>;
}) {
  const list = useRef<HTMLElement>(null);
  // On a narrow window the tabs scroll sideways.
  useEffect(() => {
    list.current?.querySelector("[aria-current]")?.scrollIntoView?.({ block: "nearest", inline: "center" });
  }, [value]);
  return (
    <nav className="tabs" aria-label={label} ref={list}>
      {tabs.map((tab) => (
        <Link
          key={tab.value}
          to="."
          search={searchOf(tab.value) as LinkProps["search"]}
          activeOptions={{ exact: true, includeSearch: true }}
          activeProps={{}}
          data-status={tab.value === value ? "active" : undefined}
          aria-current={tab.value === value ? "page" : undefined}
        >
          {tab.label}
        </Link>
      ))}
    </nav>
  );
}
