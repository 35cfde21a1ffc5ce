// The frame of every page: navigation, organisation, theme, palette and shortcuts.

import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { type RefObject, Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useMay, useSession } from "~/session/session";
import { Button } from "~/ui/Button";
import { Loading } from "~/ui/Note";
import { PAGE_NAME } from "~/ui/Page";

import "./shell.css";
import { AccountMenu } from "./AccountMenu";
import { Mark } from "./Mark";
import { type Group, NAVIGATION } from "./navigation";
import { OPERATOR_GROUPS } from "./operators";
import { type Shortcuts, useShortcuts } from "./shortcuts";

const Palette = lazy(() => import("./Palette"));
const Help = lazy(() => import("./Help"));

/** The navigation as this person may use it. */
function useGroups(): Group[] {
  const may = useMay();
  const { user } = useSession();
  const mine = NAVIGATION.map((group) => ({
    ...group,
    places: group.places.filter((place) => place.needs === undefined || may(place.needs)),
  }));
  return user.is_platform_admin ? [...mine, ...OPERATOR_GROUPS] : mine;
}

/** Operators have two areas, their organisation's and the platform's, and see the pages of the one that they are in. */
function Areas({ isOperating }: { isOperating: boolean }) {
  return (
    <div className="areas" role="group" aria-label="Area">
      <Link to="/" data-chosen={!isOperating || undefined} activeOptions={{ exact: true }}>
        Organisation
      </Link>
      <Link to="/operator" data-chosen={isOperating || undefined} activeOptions={{ exact: true }}>
        Platform
      </Link>
    </div>
  );
}

/** Pixels that stay above and below the page's own entry. */
const MARGIN = 24;

function Sidebar({ groups, isOpen, onOpen }: { groups: Group[]; isOpen: boolean; onOpen: () => void }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const isOperating = path.startsWith("/operator");
  const shown = groups.filter((group) => Boolean(group.forOperators) === isOperating);
  const list = useRef<HTMLElement>(null);
  const head = useRef<HTMLDivElement>(null);
  // The platform's pages are more than a low window shows.
  useEffect(() => {
    const here = list.current?.querySelector<HTMLElement>(".nav-link[data-status=active]");
    if (!list.current || !here) return;
    const least = here.offsetTop + here.offsetHeight + MARGIN - list.current.clientHeight;
    const most = here.offsetTop - MARGIN - (head.current?.offsetHeight ?? 0);
    list.current.scrollTop = Math.min(Math.max(list.current.scrollTop, least), most);
  }, [path]);
  return (
    <nav id="pages" ref={list} className="sidebar" aria-label="Pages" data-open={isOpen || undefined}>
      <div ref={head} className="sidebar-top">
        <Link to="/" className="brand">
          <Mark />
          <span>Patchbay</span>
        </Link>
        <Button className="button palette-button" onClick={onOpen}>
          <span>Find…</span>
          <kbd>Ctrl K</kbd>
        </Button>
        {groups.some((group) => group.forOperators) ? <Areas isOperating={isOperating} /> : null}
      </div>
      {shown.map((group) => (
        <div className="nav-group" key={group.label}>
          <h2>{group.label}</h2>
          <ul>
            {group.places.map((place) => (
              <li key={place.to}>
                <Link
                  to={place.to}
                  className="nav-link"
                  activeOptions={{
                    exact: place.to === "/" || place.to === "/operator",
                    includeSearch: false,
                  }}
                >
                  {place.label}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

/** The navigation of narrow windows: opened, it has the focus; closed by Escape, the button has it back. */
function useMenu(): { isOpen: boolean; button: RefObject<HTMLButtonElement | null>; toggle: () => void } {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  // What was chosen in it is gone with it: whoever goes on by keyboard goes on in the page.
  useEffect(() => {
    if (!isOpen) return;
    setOpen(false);
    requestAnimationFrame(() => document.getElementById("content")?.focus());
  }, [path]);
  useEffect(() => {
    if (!isOpen) return undefined;
    document.querySelector<HTMLElement>("#pages a")?.focus();
    const close = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || document.querySelector("[role=dialog]")) return;
      setOpen(false);
      button.current?.focus();
    };
    const wide = window.matchMedia("(min-width: 861px)");
    const shut = () => setOpen(false);
    document.addEventListener("keydown", close);
    wide.addEventListener("change", shut);
    return () => {
      document.removeEventListener("keydown", close);
      wide.removeEventListener("change", shut);
    };
  }, [isOpen]);
  return { isOpen, button, toggle: () => setOpen(!isOpen) };
}

/** What every shortcut does. */
function useOwnShortcuts(groups: Group[], open: (what: "palette" | "help") => void): void {
  const router = useRouter();
  const shortcuts = useMemo(() => {
    const all: Shortcuts = {
      palette: () => open("palette"),
      "?": () => open("help"),
      "/": () => document.querySelector<HTMLInputElement>("main input[type=search]")?.focus(),
    };
    for (const place of groups.flatMap((group) => group.places)) {
      if (place.keys) all[place.keys] = () => void router.navigate({ to: place.to });
    }
    return all;
  }, [groups, open, router]);
  useShortcuts(shortcuts);
}

export function Shell() {
  const groups = useGroups();
  const menu = useMenu();
  const [opened, setOpened] = useState<"palette" | "help" | null>(null);
  const help = useCallback(() => setOpened("help"), []);
  useOwnShortcuts(groups, setOpened);

  return (
    <div className="shell">
      <a className="skip" href="#content">
        Skip to the page
      </a>
      <header className="topbar">
        <Button
          ref={menu.button}
          kind="quiet"
          shape="square"
          className="button menu-button"
          aria-label={menu.isOpen ? "Close the menu" : "Open the menu"}
          aria-controls="pages"
          aria-expanded={menu.isOpen}
          onClick={menu.toggle}
        >
          ☰
        </Button>
        <span className="topbar-space" />
        <AccountMenu />
      </header>
      <Sidebar groups={groups} isOpen={menu.isOpen} onOpen={() => setOpened("palette")} />
      {menu.isOpen ? <div className="backdrop menu-backdrop" onClick={menu.toggle} /> : null}
      <p id={PAGE_NAME} className="visually-hidden" aria-live="polite" />
      <main id="content" tabIndex={-1} inert={menu.isOpen}>
        <Suspense
          fallback={
            <div className="page">
              <Loading />
            </div>
          }
        >
          <Outlet />
        </Suspense>
      </main>
      <Suspense>
        {opened === "palette" ? (
          <Palette groups={groups} onClose={() => setOpened(null)} onHelp={help} />
        ) : null}
        {opened === "help" ? <Help groups={groups} onClose={() => setOpened(null)} /> : null}
      </Suspense>
    </div>
  );
}
