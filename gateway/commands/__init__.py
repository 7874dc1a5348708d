"""Commands back to devices: ring, find, light on and off, locate now.

Read in this order: table (the life of a command), ways (which device can do what, and how it is told), queue
(asked for, sent, settled: transactions), answers (how we know that it was done), runner (the loop that sends).
"""
