"""MediaWiki dumps: the XML, and the wikitext inside it."""
