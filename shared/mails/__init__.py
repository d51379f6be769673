"""Mails: written with what they tell about, sent from templates, once."""
