"""Reports as one web page that needs nothing else: tables, figures in SVG, and a little script of our own."""
