"""Words that say nothing about what a text is about, by language: grammar, and what stands in texts on anything."""

from __future__ import annotations

from collections.abc import Iterable

from vecindex.core.texts.languages import COMMON, language_of

_LEAST_SHARE = 0.05

_LISTS = {
    "en": """
a about above after again ago all already also although always am among an and another any are around as at away
back be became because become becomes been before began being below best better between born both but by called
came can cannot come common consist could day days did different do does done down due during each early either
else end ended especially etc ever every example few find first five following for form former found four from
further gave general get give given go good great group had has have having he her here high him himself his how
however if important in place include included includes including into is it its itself just kind known large
last late later least less like likely little long low made main major make makes making many may me means might
modern more most mostly much must my near nearly never next no non nor not now number of off often old on once
one only onto or order original other others our out over own part people per perhaps person possible present
produced put quite rather really recent right said same say second see seen set several shall she short should
show shown shows similar since single six small so some something soon still such take taken ten term terms than
that the their them themselves then there therefore these they thing third this those though three through thus
time to together too took toward towards two type types under until up upon us use used uses using usually
various very via was way we well went were what when where whether which while who whole whom whose why will
with within without work works world would year years yet you your iii vii viii xii xiii xiv xvi de la le les
des du der die das und von el los las del di da van en et il ad bc bce ce pm ok vs mr ms dr st eg ie nd rd th
""",
    "de": """
ab aber all alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes anders auch
auf aus außer bei beide beiden beim bereits besonders besser bevor bin bis bisher bleiben bleibt bzw da dabei
dadurch dafür dagegen daher damit danach daneben dann daran darauf daraus darf darin darüber darum darunter das
dass davon dazu dein deine dem den denen denn dennoch der deren derselbe des deshalb dessen dich die dies diese
dieselbe diesem diesen dieser dieses dir doch dort du durch dürfen ebenfalls ebenso eher eigene eigenen ein eine
einem einen einer eines einfach einige einigen einiger einmal einzelne einzelnen entsprechend entsprechende
entsprechenden entweder er erst erste ersten es etwa etwas euch euer eventuell falls fast für ganz ganze ganzen
gar geben gegen gegenüber geht gemacht genannt genau genug gerade gibt gleich gleichen groß große großen größere
gut häufig hat hatte hatten hätte hätten haben hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im
immer in indem innerhalb ins insbesondere ist ja je jede jedem jeden jeder jedes jedoch jene jener jetzt kann
kein keine keinen keiner können könnte könnten lassen lässt letzten lieber machen macht mal man manche manchmal
mehr mehrere mehreren mein meine meist meisten mich mir mit möchte möchten möglich möglicherweise muss müssen
musste nach nachdem nächsten nämlich natürlich neben nein neu neue neuen neuer nicht nichts nie noch
normalerweise nun nur ob obwohl oder oft ohne schon sehr sei sein seine seinem seinen seiner seit selbst sich
sicher sie sind so sobald sodass sofern sogar solange solch solche solchen soll sollen sollte sollten somit
sondern sonst soweit sowie sowohl statt stehen steht tun über überhaupt um und uns unser unsere unter
verschiedene verschiedenen viel viele vielen vieler vielleicht vom von vor wann war waren wäre wären warum was
weder wegen weil weiter weitere weiteren weiterhin welche welchem welchen welcher welches wenig wenige weniger
wenn wer werden wie wieder will wir wird wirklich wo wobei wodurch wollen worden wurde wurden würde würden
während ziemlich zu zudem zum zunächst zur zusammen zusätzlich zwar zwei drei zweite zweiten zwischen beispiel
beispielsweise fall heute jahr jahre jahren teil zeit art liegt bestimmte bestimmten verwenden verwendet
verwendung
""",
    "fr": """
a à afin ai ainsi alors après assez au aucun aucune aujourd aujourd'hui auquel aura aurait aussi autant autre
autres aux auxquels avaient avait avant avec avez avoir avons beaucoup bien c c'est ça car ce ceci cela celle
celle-ci celles celui celui-ci certain certaine certaines certains ces cet cette ceux chacun chacune chaque chez
ci comme comment d d'un d'une d'autres dans de début dehors déjà depuis des dès deux devant devoir devra devrait
différent différentes différents dit dix doit doivent donc dont du durant elle elles en encore enfin ensuite
entre environ est et était étaient été étant être eu fait faire fois font hors ici il ils j je jusqu jusqu'à l
la là le lequel laquelle lesquels lesquelles les leur leurs lors lorsqu lorsque lui m ma mais malgré me même
mêmes mes mieux mis moi moins mon n n'est ne ni nombre nombreuses nombreux non nos notamment notre nous nouveau
nouvelle on ont ou où outre par parce parfois parmi pas pendant permet permettent permettre personne peu peut
peut-être peuvent plupart plus plusieurs plutôt possible pour pourquoi pourra pourrait pouvoir première premier
presque propre puis puisque qu qu'il qu'elle qu'un qu'une quand quant que quel quelle quelles quelqu quelque
quelques quels qui quoi rien s s'il sa sans sauf se selon sera serait seront ses seul seule seulement si sinon
soit son sont souvent sous sous-jacent suffit suite suivant suivante sur surtout t ta tandis tant tel telle
telles tels tes toi ton toujours tous tout toute toutefois toutes très trois trop tu un une utilisé utiliser
utilisation va vers via voici voilà vont vos votre vous y ans année années exemple cas partie temps type façon
manière simplement
""",
    "es": """
a acá además ahí ahora al algo algún alguna algunas alguno algunos allí ambos ante anterior antes aquel aquella
aquellas aquello aquellos aquí así aún aunque bajo bastante bien bueno cabo cada casi como cómo con conocido
contra cual cuál cuales cualquier cualquiera cuando cuándo cuanto cuya cuyo da dado dar de debe deben deber
debería debido decir del demás dentro desde después dicha dicho diferente diferentes distinto distintos donde
dónde dos durante e el él ella ellas ello ellos embargo en encima entonces entre era eran eres es esa esas ese
eso esos esta está estaba estaban estado están estar estas este esto estos etc existe existen forma fue fueron
fuera general gran grande grandes ha haber había habían hace hacen hacer hacia han hasta hay he hecho hizo hoy
igual incluso junto la las le les lo los luego lugar más mas mayor mayoría me media mediante medio mejor menos
mi mientras mis misma mismas mismo mismos modo mucha muchas mucho muchos muy nada ni ningún ninguna ninguno no
nos nosotros nuestra nuestro nueva nuevo nuevos nunca o otra otras otro otros para parte pero permite permiten
persona pesar poco pocos podemos poder podrá podría por porque posible posteriormente primer primera primero
principal propia propio pueda pueden puede pues que qué quien quién quienes quiere se sea sean según segunda
segundo ser será sería si sí sido siempre siendo siguiente siguientes sin sino sobre sola solamente solo sólo
son su sus tal tales también tampoco tan tanto te tener tiene tienen toda todas todavía todo todos tomar trabajo
tras través tres tu tus u un una unas uno unos usa usar uso usted utiliza utilizar va vamos varias varios veces
ver vez y ya yo año años caso casos ejemplo tiempo manera tipo
""",
    "it": """
a abbastanza ad agli ai al alcune alcuni alcuno alla alle allo allora altra altre altri altro anche ancora anno
anni appena attraverso aveva avevano avere ben bene c che chi ci ciascuno cioè circa come con così cosa cui da
dagli dai dal dalla dalle dallo dei degli del dell della delle dello dentro di dopo dove dovrebbe due durante e
è ecco ed era erano essa esse essere essi fa fanno fare fatto fino fra già giorno gli ha hanno ho i il in
infatti inoltre invece io l la le lei li lo loro lui lungo ma maggior maggiore mai me meglio meno mentre mi mio
modo molta molte molti molto ne nei negli nel nella nelle nello nessuno noi non nostra nostro nuovo o ogni oggi
oltre oppure ora ossia parte per perché perciò però persone piccolo più poco poi poiché possibile possono primo
prima proprio può pure qualche quale quali quando quanto quasi quella quelle quelli quello quest questa queste
questi questo quindi sarà se sebbene secondo sei sempre senza sia si siamo sono sopra soprattutto sotto spesso
sta stata state stati stato stessa stesse stessi stesso su sua sue sugli sui sul sulla sulle suo suoi tale tali
tra tre troppo tu tutta tuttavia tutte tutti tutto un una uno uso vari varie verso via viene vengono volta volte
esempio caso tipo tempo
""",
    "pt": """
a à ainda além algo alguma algumas alguns algum ali ambos ano anos antes ao aos apenas apesar aquela aquele
aqueles aqui as às assim até através bem cada cerca com como conforme contra da dado das de dela dele deles
dentro depois desde dessa desse desta deste deve devem devido disso dois do dos durante e é ela elas ele eles em
embora enquanto entre era eram essa essas esse esses esta está estão estar estas este estes estava eu existe
existem fazer faz feita feito foi foram forma for geral grande grandes há havia isso isto já lá lhe lo logo
maior maioria mais mas me meio melhor menos mesma mesmas mesmo mesmos meu minha modo muita muitas muito muitos
na nada não nas nem nenhum nessa nesse nesta neste no nos nós nossa nosso nova novo num numa nunca o onde os ou
outra outras outro outros para parte pela pelas pelo pelos pequeno perto pessoas pode podem poder pois por porém
porque portanto possível primeira primeiro principal própria próprio qual quais qualquer quando quanto quase que
quem são se segundo seja sem sempre sendo ser será seu seus si sido sob sobre sua suas sul tal também tampouco
tão tarde tem têm tempo ter teve tinha toda todas todo todos três tudo um uma umas uns usado usar uso vários
várias vez vezes você exemplo caso tipo
""",
    "nl": """
aan achter af al alle alleen allerlei als alsof altijd ander andere anders bepaalde beide beter bij bijna
bijvoorbeeld binnen boven buiten daar daarbij daardoor daarna daarom dan dat de deel der deze die dit doen doet
door drie dus een eerste eigen elk elke en enige enkele er ervan even geen geval gebruik gebruikt gebruiken
gemaakt genoemd goed grote groot had hadden heb hebben heeft hem het hier hij hoe hoewel hun iets ik in indien
is ja jaar jaren je kan kon konden kunnen laatste later liet maakt maar manier meer meest meestal men met mij
moet moeten mogelijk na naar naast namelijk net niet niets nieuwe nog nu of om omdat onder ongeveer ons ook op
over overige pas per reeds samen sinds soms staat steeds te tegen ten ter terug terwijl tijd tijdens toch toen
tot tussen twee u uit van vanaf vanuit veel verder verschillende via vele volgende volgens voor vooral vroeger
waar waarbij waardoor waarin waarop want waren was wat weer wel welke werd werden wie wij wil worden wordt zal
ze zeer zelf zich zij zijn zo zoals zodat zonder zou zouden zowel
""",
    "ru": """
а без более больше большинство был была были было быть в вам вас ваш ведь весь во вместе вот время все всего
всегда всех всё вы где год года году годов да даже данный два две для до должен должна должны друг другие других
другой его ее её если есть еще ещё же за здесь и из или им именно иметь имеет их к как какой каждый когда
которая которого которое которой котором которую которые который которых которым кроме кто лет лишь между меня
мне много многие могут можно может мы на над надо например нас находится наш не него нее ней некоторые некоторых
нет несколько ни них но ну нужно о об обычно один одна одной одного однако он она они оно от очень первый первая
перед по под пока после потом потому почти при про просто раз с самый сам свой своего своей своих своя себе себя
сейчас сих случае снова со собой сначала стал стала стали таким так также такая такие такой там те тем то того
тоже той только том тому тот тогда три ту ты у уже хотя чем через что чтобы чего эта эти этим этих это этого
этой этом этот эту является являются я часть части использовать используется образом
""",
    "ar": """
في من على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين اللذين اللتين اللاتي هو هي هم هن أنت أنا نحن كان كانت
كانوا يكون تكون يكونوا كما لكن ولكن لا لم لن ما ماذا لماذا متى كيف أين حيث إذا اذا إذ أن ان إن أنه أنها إنه إنها
لأن لأنه كل كلا بعض غير بين بعد قبل عند عندما حتى حين حول خلال ضمن فوق تحت دون بدون منذ منه منها منهم عليه عليها
عليهم فيه فيها إليه إليها له لها لهم به بها بهم لنا لدى لديه ليس ليست أو أم ثم قد لقد سوف أي أية أيضا أيضاً هنا
هناك كذلك لذلك بذلك وذلك فإن وقد وهو وهي وكان وكانت وفي ومن وعلى والتي والذي ولا وما أكثر أقل جدا جداً كثير
الكثير كثيرة عدة عدد أحد إحدى واحد واحدة أول أولى آخر أخرى الأخرى مثل مثلا مثلاً نفس نفسه نفسها يمكن يجب يتم تم
يوجد توجد فقط بعضها جميع معظم بشكل بسبب بواسطة عبر طريق نحو يعني لكي كي بل إما سواء عام عاماً سنة الحالة حالة
العديد المزيد هكذا وهذا وهذه لهذا بهذا بهذه لهذه بأن كأن وإن وأن إلا سوى بما مما فيما عما ممن وكل أما لأي بأي
اسم ا ب ت و ف ك ل س يتعلق تستطيع يستطيع استخدام باستخدام يستخدم تستخدم
""",
    "zh": """
可以 我们 我們 你们 他们 他們 它们 它們 这个 這個 那个 那個 一个 一個 没有 沒有 如果 因为 因為 所以 但是 就是 还是
還是 以及 或者 或是 并且 並且 而且 不是 不会 不會 不能 不要 需要 使用 进行 進行 通过 通過 其中 其他 其它 这些 這些
那些 什么 甚麼 什麼 怎么 怎麼 如何 非常 已经 已經 可能 能够 能夠 应该 應該 必须 必須 时候 時候 之后 之後 以后 之前
之间 之間 对于 對於 关于 關於 由于 由於 为了 為了 虽然 雖然 然后 然後 同时 同時 例如 比如 包括 包含 以下 以上 不同
一些 一种 一種 这种 這種 各种 各種 许多 許多 很多 所有 任何 每个 每個 自己 现在 現在 这样 這樣 那么 那麼 同样 同樣
甚至 只有 只是 除了 根据 根據 作为 作為 成为 成為 有些 有的 还有 還有 也是 也可 也有 不过 不過 因此 此外 另外 以便
以前 如下 某些 某个 某個 这里 這裡 那里 哪里 最后 最後 首先 其实 其實 当然 當然 直接 一般 通常 开始 開始 一样 一樣
一旦 即使 尽管 儘管 无论 無論 是否 只要 只能 仍然 仍是 必要 可能会 可用 用于 用於 提供 具有 属于 屬於 有关 有關
相关 情况 情況 方式 部分 多个 第一 第二 一次 两个 兩個 三个 之一 一直 起来 出来 下来 来说 来自 的话 的是 不仅 不僅
不再 不必 大部分 大多数 若要 主要 本章 本书 称为 叫做 对应 即可 此时 再次 真的 还可以 其它的 这是 那是 也就是
也就是说 至少 完全
""",
    "ja": """
場合 必要 使用 可能 以下 以上 上記 下記 次 前 後 時 中 内 間 方 者 物 事 人 年 月 日 等 他 例 通常 一般 現在 今回
最初 最後 同様 同時 一方 特定 複数 全体 部分 際 為 様 上 下 例外 例え 非常 実際 自分 自身 目的 一部 大量 最低 最大
最小 有用 簡単 利用 対象 以前 以降 以外 毎回 同 各 本 別
""",
}

STOP_WORDS = {code: frozenset(_LISTS.get(code, "").split()) | common for code, common in COMMON.items()} | {
    code: frozenset(words.split()) for code, words in _LISTS.items() if code not in COMMON
}
"""By the ISO 639-1 code of the language; of a language without a list of its own its commonest words alone."""


def stop_words(texts: Iterable[str]) -> frozenset[str]:
    """Return the stop words of the languages of a sample of texts: those of a twentieth of the texts or more.

    Those of English are always among them: many texts of other languages quote it.

    >>> "wird" in stop_words(["Die Zelle ist der kleinste Teil des Lebens und wird von einer Hülle umgeben."])
    True
    """
    seen: dict[str, int] = {}
    for text in texts:
        code = language_of(text)
        if code is not None:
            seen[code] = seen.get(code, 0) + 1
    total = sum(seen.values())
    found = STOP_WORDS["en"]
    for code, n in seen.items():
        if n >= _LEAST_SHARE * total:
            found |= STOP_WORDS.get(code, frozenset())
    return found
