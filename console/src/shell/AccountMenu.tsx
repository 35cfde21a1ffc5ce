import { Menu } from "@base-ui/react/menu";
import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";

import { account, answer } from "~/api/client";
import { sessionQuery, useKeepSession, useSession } from "~/session/session";
import { Button } from "~/ui/Button";
import { complain, say } from "~/ui/toast";

import { type Theme, chooseTheme, useTheme } from "./theme";

const THEMES: { value: Theme; label: string }[] = [
  { value: "system", label: "As the system" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function useSignOut(): () => Promise<void> {
  const queries = useQueryClient();
  const router = useRouter();
  return async () => {
    try {
      await answer(account.POST("/sign-out"));
      queries.clear();
      queries.setQueryData(sessionQuery.queryKey, null);
      await router.navigate({ to: "/sign-in", search: {} });
    } catch (error) {
      complain(error);
    }
  };
}

export function AccountMenu() {
  const { user, organization, organizations } = useSession();
  const theme = useTheme();
  const signOut = useSignOut();
  const keep = useKeepSession();

  async function enter(id: string): Promise<void> {
    try {
      const { data } = await answer(account.PUT("/session/organization", { body: { organization_id: id } }));
      await keep(data);
      say(`You work in ${data.organization?.name ?? "no organisation"} now.`);
    } catch (error) {
      complain(error);
    }
  }

  return (
    <Menu.Root modal={false}>
      <Menu.Trigger render={<Button kind="quiet" />}>
        <span className="visually-hidden">Account, organisation and theme: </span>
        <span className="cut">{organization?.name ?? "No organisation"}</span>
        <span className="avatar" aria-hidden="true">
          {(user.name || user.email).slice(0, 1).toUpperCase()}
        </span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner align="end" sideOffset={6}>
          <Menu.Popup className="menu">
            <div className="menu-note">
              <strong>{user.name || user.email}</strong>
              <span>
                {user.email}
                {organization ? ` · ${organization.role} of ${organization.name}` : ""}
              </span>
            </div>
            {organizations.length > 1 ? (
              <Menu.RadioGroup value={organization?.id ?? ""} onValueChange={(id: string) => void enter(id)}>
                <div className="menu-title">Organisation</div>
                {organizations.map((one) => (
                  <Menu.RadioItem key={one.id} value={one.id} className="menu-item" closeOnClick>
                    <Menu.RadioItemIndicator className="menu-dot" keepMounted />
                    {one.name}
                  </Menu.RadioItem>
                ))}
              </Menu.RadioGroup>
            ) : null}
            <Menu.RadioGroup value={theme} onValueChange={(value: Theme) => chooseTheme(value)}>
              <div className="menu-title">Theme</div>
              {THEMES.map((one) => (
                <Menu.RadioItem key={one.value} value={one.value} className="menu-item">
                  <Menu.RadioItemIndicator className="menu-dot" keepMounted />
                  {one.label}
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
            <Menu.Separator className="menu-line" />
            <Menu.Item className="menu-item" onClick={() => void signOut()}>
              Sign out
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
