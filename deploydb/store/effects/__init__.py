"""The effect of a fact after it was recorded: whether it counts, and why not. One answer for facts of every type.

A person's order is checked before it is published, and the state may change until it is evaluated: the order of another
person comes first, a release is superseded, a hold is lifted. So the client asks again, by the fact's source and id.
What was recorded after the fact does not take its effect away, except a later word on the same subject.
"""
