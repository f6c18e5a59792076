import sys
sys.path.insert(0,'/work/main/tests/pipeline')
from test_order import *
from test_order import examined, arranged, QUIET
from hypothesis import Phase
import os
@settings(max_examples=int(os.environ.get('N','60')), suppress_health_check=QUIET, phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False, database=None)
@given(arrangement=arranged(int(os.environ.get('M','9'))))
def test_te(shop, arrangement):
    examined(shop, arrangement)
