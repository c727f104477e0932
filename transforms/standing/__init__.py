"""Whether what a machine does is ordinary: history, equals, crowd, manner, and the first sign."""
