"""What the operators of RabbitMQ and PostgreSQL make of their resources, on servers of a test."""

import base64

from tests.kubernetes.manifests import Object, of_kind
from tests.servers import PostgreSQL, RabbitMQ


def text_of(secret: Object, key: str) -> str:
    """The text of a key of a Secret."""
    return base64.b64decode(secret["data"][key]).decode()


def make_topology(server: RabbitMQ, objects: tuple[Object, ...], secrets: tuple[Object, ...]) -> None:
    """The messaging topology operator: https://www.rabbitmq.com/kubernetes/operator/using-topology-operator."""
    logins = {
        name: of_kind(secrets, "Secret")[user["spec"]["importCredentialsSecret"]["name"]]
        for name, user in of_kind(objects, "User").items()
    }
    for each in of_kind(objects, "Vhost").values():
        server.api("PUT", f"vhosts/{each['spec']['name']}")
    for name, each in of_kind(objects, "User").items():
        login = {"password": text_of(logins[name], "password"), "tags": ",".join(each["spec"].get("tags", ()))}
        server.api("PUT", f"users/{text_of(logins[name], 'username')}", login)
    for kind, path in {"Permission": "permissions", "TopicPermission": "topic-permissions"}.items():
        for spec in (each["spec"] for each in of_kind(objects, kind).values()):
            user = text_of(logins[spec["userReference"]["name"]], "username")
            server.api("PUT", f"{path}/{spec['vhost']}/{user}", spec["permissions"])
    for spec in (each["spec"] for each in of_kind(objects, "Exchange").values()):
        fields = {"type": spec["type"], "durable": spec["durable"], "auto_delete": spec["autoDelete"]}
        server.api("PUT", f"exchanges/{spec['vhost']}/{spec['name']}", fields)
    for spec in (each["spec"] for each in of_kind(objects, "Queue").values()):
        arguments = {"x-queue-type": spec["type"], **spec["arguments"]}
        fields = {"durable": spec["durable"], "auto_delete": spec["autoDelete"], "arguments": arguments}
        server.api("PUT", f"queues/{spec['vhost']}/{spec['name']}", fields)
    for spec in (each["spec"] for each in of_kind(objects, "Binding").values()):
        path = f"bindings/{spec['vhost']}/e/{spec['source']}/{spec['destinationType'][0]}/{spec['destination']}"
        server.api("POST", path, {"routing_key": spec["routingKey"]})


def make_cluster(server: PostgreSQL, objects: tuple[Object, ...], secrets: tuple[Object, ...]) -> None:
    """CloudNativePG: the database with its owner, and the roles."""
    (spec,) = (each["spec"] for each in of_kind(objects, "Cluster").values())
    initdb = spec["bootstrap"]["initdb"]
    roles = [{"name": initdb["owner"], "login": True, "passwordSecret": initdb["secret"]}, *spec["managed"]["roles"]]
    for role in roles:
        options = "NOLOGIN"
        if role["login"]:
            password = text_of(of_kind(secrets, "Secret")[role["passwordSecret"]["name"]], "password")
            options = f"LOGIN PASSWORD '{password}'"
        server.execute(f"CREATE ROLE {role['name']} {options}")
    server.create_database(initdb["database"])
    server.execute(f"ALTER DATABASE {initdb['database']} OWNER TO {initdb['owner']}")
