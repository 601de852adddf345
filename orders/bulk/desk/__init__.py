"""The union's desk: the pages and routes that show a purchase whole."""
