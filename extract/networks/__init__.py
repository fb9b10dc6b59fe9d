"""Parts of networks that encoders share: packing, attention, layers and features."""
