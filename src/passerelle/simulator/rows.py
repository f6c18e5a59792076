"""Rows that several sources keep alike: orientations, consents and oppositions, each in all its versions."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from passerelle.simulator import numbers
from passerelle.simulator.chance import Chance
from passerelle.simulator.lives import Life
from passerelle.simulator.region import LAST_DAY, rpps

ORIENTATION_COLUMNS = (
    "num_orientation ipp num_venue uf date_orientation nature motif urgence vers structure_libelle consentement"
    " consenti_le mode_recueil retire_le valable_jusqu_au redacteur_rpps redacteur_fonction statut nb_personnes"
    " modifie_le"
)
CONSENT_COLUMNS = (
    "num_consentement ipp nature destinataire finalite donnees_1 donnees_2 donnees_3 recueilli_le mode_recueil"
    " recueilli_par_rpps recueilli_par_fonction information_remise debut fin retire_le modifie_le"
)
OPPOSITION_COLUMNS = (
    "num_opposition ipp contre finalite exprimee_le mode_recueil recue_par_rpps recue_par_fonction motif levee_le"
    " transmise_dpo accuse_envoye_le origine commentaire_code modifie_le"
)
Row = dict[str, object]


def moment_text(moment: datetime) -> str:
    """YYYY-MM-DD HH:MM:SS."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


class Written:
    """The rows of one person at one source. Dates are `date`, the cursor is text in ISO form."""

    def __init__(self, life: Life, source: str, chance: Chance) -> None:
        self._life = life
        self._source = source
        self._chance = chance
        self._staff = rpps(200 + life.person.index % 29)

    def orientations(self) -> Iterator[Row]:
        """Orientation numbers, with the person's word on each; a withdrawal is a version of its own."""
        unit = {"chu": "4110", "ch": "A201"}.get(self._source, "")
        for door in self._life.stays if self._source != "usmp" else self._life.custodies:
            one = door.orientation
            if one is None:
                continue
            given = one.given.date()
            row: Row = {
                "num_orientation": one.number,
                "ipp": numbers.patient(self._life, self._source),
                "num_venue": numbers.event_key(self._life, door),
                "uf": unit,
                "date_orientation": given,
                "nature": self._chance.choice(("HEB", "HEB", "HEB", "LOG", "HOT")),
                "motif": self._chance.choice(("SDF", "SDF", "SOR", "EXP", "VIO", "AUT")),
                "urgence": self._chance.choice("1123"),
                "vers": "SIAO",
                "structure_libelle": "SIAO de Valmorge",
                "consentement": "O" if one.consented else "N",
                "consenti_le": given if one.consented else None,
                "mode_recueil": self._chance.choice("EEON"),
                "retire_le": None,
                "valable_jusqu_au": given + timedelta(days=60),
                "redacteur_rpps": self._staff,
                "redacteur_fonction": self._chance.choice(("ASS", "ASS", "IDE", "MED")),
                "statut": "E",
                "nb_personnes": self._chance.choice((1, 1, 1, 2)),
                "modifie_le": moment_text(one.given),
            }
            yield row
            if one.cancelled:
                row = {**row, "statut": "A", "modifie_le": moment_text(one.given + timedelta(minutes=40))}
                yield row
            if one.withdrawn and one.consented:
                yield {**row, "retire_le": one.withdrawn, "modifie_le": moment_text(_evening(one.withdrawn))}

    def consents(self, patient_column: str) -> Iterator[Row]:
        """Agreements and refusals; a withdrawal is a version of its own."""
        place = 0
        for one in self._life.shared.consents:
            if one.source != self._source:
                continue
            classes = (*one.classes, None, None, None)[:3]
            row: Row = {
                "num_consentement": numbers.right(self._life, self._source, "K", place),
                patient_column: numbers.patient(self._life, self._source),
                "nature": "P" if one.permits else "R",
                "destinataire": one.grantee,
                "finalite": one.purpose,
                "donnees_1": classes[0],
                "donnees_2": classes[1],
                "donnees_3": classes[2],
                "recueilli_le": one.collected,
                "mode_recueil": self._chance.choice("EEON"),
                "recueilli_par_rpps": self._staff,
                "recueilli_par_fonction": self._chance.choice(("ASS", "IDE", "MED")),
                "information_remise": self._chance.choice("OOON"),
                "debut": one.collected,
                "fin": one.end,
                "retire_le": None,
                "modifie_le": moment_text(_evening(one.collected)),
            }
            place += 1
            yield row
            if one.withdrawn:
                yield {**row, "retire_le": one.withdrawn, "modifie_le": moment_text(_evening(one.withdrawn))}

    def oppositions(self, patient_column: str) -> Iterator[Row]:
        """Oppositions; the lifting of one is a version of its own."""
        for place, one in enumerate(one for one in self._life.shared.oppositions if one.source == self._source):
            row: Row = {
                "num_opposition": numbers.right(self._life, self._source, "Q", place),
                patient_column: numbers.patient(self._life, self._source),
                "contre": one.against,
                "finalite": one.purpose,
                "exprimee_le": one.expressed,
                "mode_recueil": self._chance.choice("EON"),
                "recue_par_rpps": self._staff,
                "recue_par_fonction": self._chance.choice(("ASS", "IDE", "MED")),
                "motif": self._chance.choice(("NSP", "CONF", "FAM")),
                "levee_le": None,
                "transmise_dpo": self._chance.choice("ON"),
                "accuse_envoye_le": None if one.expressed >= LAST_DAY else one.expressed + timedelta(days=1),
                "origine": self._chance.choice(("PAT", "PAT", "REP")),
                "commentaire_code": self._chance.choice((None, None, 1, 2, 3)),
                "modifie_le": moment_text(_evening(one.expressed)),
            }
            yield row
            if one.lifted:
                yield {**row, "levee_le": one.lifted, "modifie_le": moment_text(_evening(one.lifted))}


def _evening(day: date) -> datetime:
    return datetime.combine(day, time(18, 30, day.day))
