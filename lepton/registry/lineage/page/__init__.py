"""The lineage as one page that needs nothing else: what is drawn, and the page's own style and script beside it."""
