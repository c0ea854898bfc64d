"""The store's semantics in memory, and `decide` run forward on it.

A `Ledger` is one service's rows as the SQL store keeps them: it takes facts and decisions, and gives the snapshot. A
`MemoryStore` is several of them, with what they share. The replay of the past (`simulation`), the look ahead
(`unblock`) and the tests' scenarios run on them. So each rule stands in `decide` alone, and no answer has a rule of its
own.

A look ahead is a hypothesis: each person, job and orchestrator answers at once, and nothing newer is published. It
changes nothing.
"""
