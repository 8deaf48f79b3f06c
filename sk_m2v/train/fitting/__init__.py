"""All that needs torch: training the vectors of tokens and a head together.

In come bags of token ids with targets and weights, out come a trained net and its
history, of which only arrays are kept. Read `_net` first, the one place where skorch
runs, then `_module` (the network) and `_bags` (the batches).
"""
