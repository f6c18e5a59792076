"""A region that does not exist, with its records and its truth. It shares no code with what reads them."""

from passerelle.simulator.serving import Misbehaviour, TerritoryServer, serve
from passerelle.simulator.territory import SimulationSummary, simulate

__all__ = ["Misbehaviour", "SimulationSummary", "TerritoryServer", "serve", "simulate"]
