"""The plugins that ship with hbench, registered through entry points as an outsider's would be."""
