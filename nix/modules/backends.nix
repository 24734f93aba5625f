_self: { }
