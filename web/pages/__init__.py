"""The pages behind the links in mails: what they do, they do when their reader says so."""
