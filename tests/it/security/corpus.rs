//! Texts that mean something to a database, a shell or a template where they get that far.

/// What a statement that runs would make.
pub(super) const MADE: &str = "public.injected";

pub(super) const STATEMENTS: [&str; 30] = [
    "'",
    "\"",
    "\\",
    "''; create table public.injected(); --",
    "'; create table public.injected(); --",
    "1; create table public.injected(); --",
    "$$; create table public.injected(); --",
    "\\'; create table public.injected(); --",
    "%27; create table public.injected(); --",
    "' or '1'='1",
    "' or 1=1 --",
    "') or ('1'='1",
    "\" or \"\"=\"",
    "1 or 1=1",
    "1) or (1=1",
    "' union select null, null, null --",
    "' union all select hash from identity.api_key --",
    "' and (select 1 from pg_sleep(20)) is null --",
    "'||(select pg_sleep(20))||'",
    "1' and extractvalue(1, concat(0x7e, version())) --",
    "current_setting('is_superuser')",
    "admin'/**/--",
    "0192f0c4-0000-7000-8000-000000000001'::uuid--",
    "id desc; select 1",
    "(case when (1=1) then 1 else 0 end)",
    "$1",
    "{{7*7}}${7*7}",
    "`id`;$(id)|id",
    "\u{2bc} or 1=1 --",
    "a\u{0}b",
];
