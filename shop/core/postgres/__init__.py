"""The server's side: how PostgreSQL is made, reached, watched and pooled."""
