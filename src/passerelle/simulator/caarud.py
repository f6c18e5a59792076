"""The outreach team's two spreadsheets: contacts without anybody's name, and the slips it printed."""

from datetime import datetime, timedelta
from pathlib import Path

from passerelle.simulator import numbers
from passerelle.simulator.chance import Chance, Weighted
from passerelle.simulator.files import Dialect, Dirt, Manifest, Table, table_of
from passerelle.simulator.lives import Life, Slip
from passerelle.simulator.region import LAST_DAY
from passerelle.simulator.rows import Row

DIALECT = Dialect(";", "utf-8", "\n")
COLUMNS = {
    "contacts": (
        "num_contact date_contact heure lieu equipe type_contact tranche_naissance genre situation_logement produit_1"
        " produit_2 produit_3 mode_1 mode_2 mode_3 seringues kits_base naloxone depistage orientation nom telephone"
        " saisi_le"
    ),
    "bons": (
        "num_bon jeton num_contact date_emission date_expiration structure motif support equipe langue explique"
        " remis_en_main_propre rdv_propose statut saisi_le"
    ),
}
_PRODUCTS = Weighted([("CRA", 34), ("HER", 18), ("COC", 14), ("ALC", 14), ("BZD", 8), ("BUP", 6), ("OPI", 6)])
_MODES = {"CRA": "2", "HER": "1", "COC": "1", "ALC": "3", "BZD": "3", "BUP": "1", "OPI": "3"}
_ROOFS = {
    "street": ("RUE", "RUE", "SQUAT"),
    "unstable": ("HEB", "TIERS", "SQUAT"),
    "stable": ("STABLE", "TIERS", "NSP"),
}


class Caarud:
    """Writes the contacts of the outreach team. Nothing in a row leads to a person, or to another row of theirs."""

    def __init__(self, seed: int, work: Path, folder: Path) -> None:
        self._seed = seed
        self.tables: dict[str, Table] = {
            name: table_of(work, folder, source="caarud", name=name, columns=columns, dialect=DIALECT)
            for name, columns in COLUMNS.items()
        }

    def write(self, life: Life) -> None:
        """Every contact of this person waits in the file of its month, and so does the slip."""
        chance = Chance(self._seed, "caarud", life.person.index)
        slips = life.slips
        for place, met in enumerate(life.outreach):
            self.put("contacts", contact_row(life, place, met, chance, oriented=bool(slips) and place == 0))
        for slip in slips:
            self.put("bons", _slip_row(life, slip, chance))

    def put(self, table: str, row: Row, *, dirt: Dirt | None = None) -> None:
        """The row waits in the file of its month."""
        month = str(row["saisi_le"])[:7].replace("-", "")
        self.tables[table].put(month, f"{row['saisi_le']}{next(iter(row.values()))}", row, dirt=dirt)

    def finish(self, manifest: Manifest) -> None:
        """All files are written."""
        for table in self.tables.values():
            table.files.write(manifest)


def contact_row(life: Life, place: int, met: datetime, chance: Chance, *, oriented: bool = False) -> Row:
    """One anonymous contact."""
    person = life.person
    five = person.born.year // 5 * 5
    products = list(dict.fromkeys(chance.one(_PRODUCTS) for _ in range(chance.between(1, 3))))
    row: Row = {
        "num_contact": numbers.outreach(life, place),
        "date_contact": met.date(),
        "heure": f"{met:%H:%M}",
        "lieu": chance.choice(("ANT", "MAR", "SQU", "GAR", "BUS")),
        "equipe": chance.between(1, 6),
        "type_contact": "ORI" if oriented else chance.choice(("ACC", "MAT", "MAT", "SOI", "ECO")),
        "tranche_naissance": f"{five}-{five + 4}" if chance.often(0.7) else None,
        "genre": {"M": "H", "F": "F"}.get(person.sex, "N"),
        "situation_logement": chance.choice(_ROOFS[person.housing]),
        "seringues": chance.choice((0, 0, 5, 10, 20)),
        "kits_base": chance.choice((0, 0, 1, 2)),
        "naloxone": chance.choice((0, 0, 0, 1)),
        "depistage": chance.choice(("VIH", "VHC", "AUCUN", "AUCUN", "AUCUN")),
        "orientation": "O" if oriented else "N",
        "saisi_le": f"{_entered(met):%Y-%m-%d %H:%M}",
    }
    for rank, product in enumerate(products, start=1):
        row |= {f"produit_{rank}": product, f"mode_{rank}": _MODES[product]}
    return row


def _slip_row(life: Life, slip: Slip, chance: Chance) -> Row:
    return {
        "num_bon": numbers.slip(life, slip),
        "jeton": slip.token,
        "num_contact": numbers.outreach(life, 0),
        "date_emission": slip.given.date(),
        "date_expiration": slip.expires,
        "structure": "CSAPA",
        "motif": chance.choice(("SEV", "TSO", "SOI", "HEB", "DRO")),
        "support": chance.choice("PQ"),
        "equipe": chance.between(1, 6),
        "langue": life.person.language,
        "explique": chance.choice("OOON"),
        "remis_en_main_propre": "O",
        "rdv_propose": chance.choice("ON"),
        "statut": "E",
        "saisi_le": f"{_entered(slip.given):%Y-%m-%d %H:%M}",
    }


def _entered(met: datetime) -> datetime:
    typed = met + timedelta(hours=1, minutes=7)
    return typed if typed.date() <= LAST_DAY else met
