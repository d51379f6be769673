"""The providers' SDKs: how each is opened, and what its errors mean in ours. Imported only by engines."""
