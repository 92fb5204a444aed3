"""Windows machines: what is asked of them (`blocks`), in which words (`script`), and what it comes to (`facts`)."""
