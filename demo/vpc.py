"""The demo's inventory: two VPCs with the same addresses, with instances and middle boxes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

ACCOUNT_ID = "111122223333"
REGION = "eu-west-1"
CIDR = "10.20.0.0/16"
SUBNETS = {"web": 1, "app": 2, "data": 3, "management": 4}


def made_up_id(kind: str, name: str) -> str:
    """An id in AWS's form that is the same for the same name."""
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:17]}"


@dataclass(frozen=True)
class Interface:
    """One network interface; `instance` is its name, None for requester-managed ones."""

    vpc: str
    subnet: str
    host: int
    instance: str | None
    description: str
    interface_type: str = "interface"
    public_address: str | None = None

    @cached_property
    def interface_id(self) -> str:
        """Its id."""
        return made_up_id("eni", f"{self.vpc}/{self.subnet}/{self.host}")

    @cached_property
    def instance_id(self) -> str | None:
        """Id of its instance."""
        return made_up_id("i", f"{self.vpc}/{self.instance}") if self.instance else None

    @cached_property
    def address(self) -> str:
        """Its private address."""
        return f"10.20.{SUBNETS[self.subnet]}.{self.host}"

    @cached_property
    def vpc_id(self) -> str:
        """Id of its VPC."""
        return made_up_id("vpc", self.vpc)

    @cached_property
    def subnet_id(self) -> str:
        """Id of its subnet."""
        return made_up_id("subnet", f"{self.vpc}/{self.subnet}")


def _instances(
    vpc: str, subnet: str, name: str, count: int, first_host: int, public: bool = False
) -> Iterator[Interface]:
    for number in range(1, count + 1):
        host = first_host + number
        yield Interface(
            vpc,
            subnet,
            host,
            instance=f"{name}-{number}",
            description="" if vpc == "shop" else f"{name} {number}",
            public_address=f"203.0.113.{host}" if public else None,
        )


WEB = tuple(_instances("shop", "web", "web", 6, 10, public=True))
APP = tuple(_instances("shop", "app", "app", 8, 20))
DATA = tuple(_instances("shop", "data", "db", 4, 30))
BASTION, MONITOR, BUILD = _instances("shop", "management", "admin", 3, 40)
LAB_WEB = tuple(_instances("lab", "web", "lab-web", 4, 10))
LAB_APP = tuple(_instances("lab", "app", "lab-app", 3, 20))
LAB_DATA = tuple(_instances("lab", "data", "lab-db", 2, 30))
LOAD_BALANCER = Interface(
    "shop", "web", 5, None, "ELB app/shop-front/50dc6c495c0c9188", "load_balancer", "203.0.113.5"
)
NAT_GATEWAY = Interface(
    "shop", "web", 6, None, "Interface for NAT Gateway nat-0e1f2a3b4c5d60718", "natGateway",
    "203.0.113.6",
)  # fmt: skip

INTERFACES = (
    *WEB, *APP, *DATA, BASTION, MONITOR, BUILD, *LAB_WEB, *LAB_APP, *LAB_DATA, LOAD_BALANCER,
    NAT_GATEWAY,
)  # fmt: skip
SUSPECT = WEB[2]
