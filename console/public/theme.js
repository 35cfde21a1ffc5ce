// Before the first paint, so that nothing flashes in the other theme. A file of its own: no inline script is allowed.
try {
  const theme = localStorage.getItem("patchbay.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme applies.
}
