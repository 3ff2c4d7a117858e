// The door of this extension, in the form that JupyterLab and Notebook expect of one. It was written by hand: nothing
// is built, and what it needs of the page it takes from what the page shares.
(() => {
  const here = new URL(".", document.currentScript.src);
  let scope = {};

  // One module of the page, the one in use if there are several; null where the page has none of that name.
  async function take(name) {
    const versions = Object.values(scope[name] ?? {});
    const found = versions.find((each) => each.loaded) ?? versions.at(-1);
    return found ? (await found.get())() : null;
  }

  globalThis._JUPYTERLAB ??= {};
  globalThis._JUPYTERLAB["jobwidgets-lab"] = {
    init(shared) {
      scope = shared;
    },
    async get() {
      const { plugins } = await import(new URL("plugins.js", here));
      const module = { __esModule: true, default: await plugins(take, here) };
      return () => module;
    },
  };
})();
