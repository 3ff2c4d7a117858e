"""JupyterLab: the sidebar's backend, the server launcher, the bundled notebooks."""
