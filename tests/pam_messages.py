"""Messages of one invented hospital, written field by field; and two that deviate as published samples do."""

from passerelle.contracts.source import Table
from passerelle.reading import reader_for

ZONE = "Europe/Paris"
FINESS = "000100016"
AUTHORITY = f"CHU&{FINESS}&N"
EVENTS = ("A01", "A03", "A04", "A11", "A13", "A31", "Z99", "A02")

ADMISSION = r"""MSH|^~\&|GAM|ETAB-EXEMPLE|DPI|ETAB-EXEMPLE|20240205091530||ADT^A01^ADT_A01|4101|D|2.5^FRA^2.11|||||FRA|UNICODE UTF-8|FR||2.11^IHE_FRANCE-2.11-PAM
EVN||20240205091530||||20240205091530
PID|1||000009^^^ETAB-EXEMPLE&000100214&N^PI~291040000011150^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS^^20120105||EXEMPLE^INÈS^INÈS LOU^^^^L||19910402|F|||3 rue du Four^^VALMORGE^^00100^FRA^H^^^^^^^~^^^^^^BDL^^69123|||||S||24000099^^^ETAB-EXEMPLE&000100214&M^AN|||||||1|||||N||VALI|20240205091530||||||
PV1|1|I|^^^ETAB-EXEMPLE&000100214&M^O^^||||||||||||||||000100214^^^ETAB-EXEMPLE&000100214&M^VN^^20220103||||||||||||||||||||||||||||||||V
ZBE|001^ETAB-EXEMPLE^000100214|20240205090000||INSERT|N||Médecine^^^^^ETAB-EXEMPLE&000100214&N^UF^^^6201|Médecine^^^^^ETAB-EXEMPLE&000100214&N^UF^^^6201|HMS
ZFA|ACTIF|20240205091530|||||||INO|20240205091530|IC|20240205091530
"""
"""An admission whose visit number is the establishment's own and whose times are those of its emission."""

DISCHARGE = r"""MSH|^~\&|GAM|ETAB-EXEMPLE|DPI|ETAB-EXEMPLE|20240205091530||ADT^A03^ADT_A03|4102|D|2.5^FRA^2.11|||||FRA|UNICODE UTF-8|FR||2.11^IHE_FRANCE-2.11-PAM
EVN||20240205091530||||20240205091530
PID|1||000009^^^ETAB-EXEMPLE&000100214&N^PI~291040000011150^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS^^20120105||EXEMPLE^INÈS^INÈS LOU^^^^L||19910402|F|||3 rue du Four^^VALMORGE^^00100^FRA^H^^^^^^^~^^^^^^BDL^^69123|||||S||24000099^^^ETAB-EXEMPLE&000100214&M^AN|||||||1|||||N||VALI|20240205091530||||||
PV1|1|I|^^^ETAB-EXEMPLE&000100214&M^O^^||||||||||||||||000100214^^^ETAB-EXEMPLE&000100214&M^VN^^20220103||||||||||||||||||||||||||||||||V
ZBE|002^ETAB-EXEMPLE^000100214|20240205090000|20260208101500||INSERT|N||Urgences^^^^^^UF^^^8799||HMS
"""
"""The discharge of the same stay: its ZBE is one place too far, and it states no time of discharge."""

COLUMNS = {
    "ipp": "@ipp",
    "venue": "@stay_key",
    "evenement": "@event",
    "nom": "PID-5.1",
    "race": "PID-10",
    "uf": "ZBE-7.10",
    "nature": "ZBE-4",
    "statut": "@status",
    "debut": "@start",
    "fin": "@end",
    "classe": "@class",
    "unite": "@unit",
    "mode": "@mode",
    "destination": "@destination",
    "deces": "@died",
}


def adt_table(**changes) -> Table:
    return Table.model_validate(
        {
            "format": "hl7v2",
            "order": {"message": True},
            "messages": {"events": EVENTS},
            "columns": {name: {"path": path} for name, path in COLUMNS.items()},
            "repeats": {"identifiers": {"path": "PID-3", "fields": {"value": "1", "system": "4.2", "type": "5"}}},
            "folds": {
                "patient": {"key": ["ipp"]},
                "stay": {"key": ["venue"], "by": "pam_stay", "events": [one for one in EVENTS if one != "A31"]},
            },
            **changes,
        }
    )


ADT = adt_table()
READER = reader_for(ADT, zone=ZONE)


def message(
    event: str,
    moment: str = "20250301100000",
    *,
    emitted: str = "",
    movement: str = "1",
    action: str = "INSERT",
    historic: str = "N",
    origin: str = "",
    unit: str = "4110",
    patient_class: str = "I",
    stay: str = "900001",
    pid: dict[int, str] | None = None,
    pv1: dict[int, str] | None = None,
    zbe: dict[int, str] | None = None,
    msh: dict[int, str] | None = None,
    more: str = "",
) -> str:
    """A message; fields may be changed by number. `emitted` defaults to the moment of the movement."""
    emitted = emitted or moment
    segments = [
        _segment("MSH", {2: "^~\\&", 3: "GAM", 7: emitted, 9: f"ADT^{event}", 10: f"{event}{movement}{emitted}", 11: "P",
                         12: "2.5^FRA^2.11", 18: "UNICODE UTF-8", **(msh or {})}),
        _segment("EVN", {2: emitted}),
        _segment("PID", {1: "1", 3: f"7001^^^{AUTHORITY}^PI", 5: "MARTEAU^LÉA^LÉA^^^^L", 7: "19800101", 8: "F",
                         18: f"F{stay}^^^{AUTHORITY}^AN", 30: "N", 32: "VALI", **(pid or {})}),
        _segment("PV1", {1: "1", 2: patient_class, 19: f"{stay}^^^{AUTHORITY}^VN", **(pv1 or {})}),
    ]  # fmt: skip
    if event != "A31":
        fields = {1: f"{movement}^CHU^{FINESS}", 2: moment, 4: action, 5: historic, 6: origin,
                  7: f"Addictologie^^^^^{AUTHORITY}^UF^^^{unit}", 9: "HMS", **(zbe or {})}  # fmt: skip
        segments.append(_segment("ZBE", fields))
    if more:
        segments.append(more)
    return "\r".join(segments)


def _segment(name: str, fields: dict[int, str]) -> str:
    last = max(fields)
    texts = [fields.get(number, "") for number in range(1, last + 1)]
    return "|".join([name, *(texts[1:] if name == "MSH" else texts)])


def row_of(text: str, reader=READER):
    return reader.parse(text.encode())


def said(row, *names: str):
    """The values of these columns; one value for one name."""
    values = [row[list(COLUMNS).index(name)] for name in names]
    return values[0] if len(values) == 1 else values
