"""The text of the reasons for which a fact is refused that its publisher may not say."""

from deploydb.domain.formatting import listed
from deploydb.domain.model.access_reasons import NotPermitted
from deploydb.domain.suggestions import shown

_NOUNS = {"services": "service", "environments": "environment", "promotions": "promotion"}


def not_permitted_text(reason: NotPermitted) -> str:
    """The publisher, the type of fact, what lacks, and what to do."""
    who = shown(reason.publisher or "")
    granted = listed([shown(one) for one in reason.granted], "or") if reason.granted else "none"
    match reason.lacks:
        case "publisher":
            return f"{reason.kind} has no publisher: set user_id to the broker's user; access.yml lists who may publish"
        case "entry":
            return f"{who} may not publish {reason.kind}: `publishers` in access.yml does not name it"
        case "facts":
            return f"{who} may not publish {reason.kind}: `facts` of its entry in access.yml has {granted}"
        case "sources":
            why = f"`sources` of its entry in access.yml has {granted}" if reason.granted else "the source is reserved"
            return f"{who} may not publish {reason.kind} from the source {shown(reason.found)}: {why}"
        case "vouches":
            problem = "it may not send the words of people: its entry in access.yml has no `vouches: true`"
            return f"{who} may not publish {reason.kind}: {problem}"
        case "verify":
            return f"{who} may not publish {reason.kind} for {shown(reason.found)}: only `verify` answers for it"
        case "veto" | "freeze":
            return f"{shown(reason.person or '')} may not {reason.lacks}: only members of {granted} may, by access.yml"
        case key:
            noun = _NOUNS[key]
            named = f"about the {noun} {shown(reason.found)}" if reason.found else f"about no {noun} that is known"
            return f"{who} may not publish {reason.kind} {named}: `{key}` of its entry in access.yml has {granted}"
