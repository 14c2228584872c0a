"""Tasks in the contacts: new ones, changed ones, favourites, deletions, questions."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.desk import AppQuestion, AppTask
from vlgym.android.tasks.people import (
    COMPANIES,
    TYPES,
    Person,
    cards,
    digits,
    draw_number,
    draw_people,
    name_of,
    set_people,
    wanted_cards,
)
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, Template, answer, click, enter, launch, long_press, seek

PACKAGE = "com.google.android.contacts"


class ContactTask(AppTask):
    """Base of the tasks about contacts: `before` is what set-up leaves, `after` what there should be."""

    app = "contacts"
    package = PACKAGE

    def before(self, p: Params) -> list[Person]:
        """Return the contacts to begin with."""
        return list(p["people"])

    def after(self, p: Params) -> list[Person]:
        """Return the contacts of a success."""
        return self.before(p)

    def setup(self, phone: Phone, p: Params) -> None:
        """Make the contacts."""
        set_people(phone, self.before(p))

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the contacts are those of a success."""
        return cards(phone) == wanted_cards(self.after(p))


def find(screen: Screen, name: str) -> Iterator[str]:
    """Yield what opens a contact's card from the home screen."""
    yield from launch(screen, "Contacts")
    yield from seek(screen, name)
    yield click(name)


def changed(people: Sequence[Person], which: int, **values: object) -> list[Person]:
    """Return people with one of them changed."""
    return [{**person, **values} if place == which else person for place, person in enumerate(people)]


class AddContact(ContactTask):
    """A new contact with a number."""

    name = "ContactsAddContact"
    instruction = "Create a new contact {name} with the phone number {number}."
    checkpoints: tuple[str, ...] = ("open the contacts", "begin a new contact", "save {name} with {number}")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw others and the new one."""
        *people, new = draw_people(rng, rng.randint(3, 6))
        return {"people": people, "new": new, "name": name_of(new), "number": new["number"]}

    def after(self, p: Params) -> list[Person]:
        """Return everybody and the new one."""
        return [*p["people"], p["new"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether the form is open or done with."""
        return ("ContactEditorActivity" in phone.foreground() or self.solved(phone, p),)

    def fill(self, p: Params) -> Iterator[str]:
        """Yield what fills the form in."""
        yield enter(p["new"]["first"], "First name")
        yield enter(p["new"]["last"], "Last name")
        yield enter(p["new"]["number"], "Phone")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form in and save it."""
        yield from launch(screen, "Contacts")
        yield click("Create contact")
        yield from self.fill(p)
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Discard the form."""
        yield from launch(screen, "Contacts")
        yield click("Create contact")
        yield from self.fill(p)
        yield click("Cancel")
        yield click("Discard")


class AddFullContact(AddContact):
    """A new contact with everything."""

    name = "ContactsAddFullContact"
    instruction = (
        "Create a contact for {name}: {kind} phone {number}, email {email}, company {company}, and the note {note}."
    )
    steps = 13

    def draw(self, rng: random.Random) -> Params:
        """Draw the rest of the card as well."""
        p = super().draw(rng)
        new = p["new"]
        kind = rng.choice(("Home", "Work"))
        new.update(
            type=TYPES[kind],
            email=f"{new['first']}.{new['last']}@example.org".lower(),
            company=rng.choice(COMPANIES),
            note=rng.choice(("Call after six", "Old neighbour", "From the choir", "Owns the key", "Speaks Greek")),
        )
        return {**p, "kind": kind, **{key: new[key] for key in ("email", "company", "note")}}

    def fill(self, p: Params) -> Iterator[str]:
        """Yield what fills the form in."""
        yield from super().fill(p)
        yield enter(p["company"], "Company")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill everything in."""
        yield from launch(screen, "Contacts")
        yield click("Create contact")
        yield from self.fill(p)
        yield "press(back)"  # the keyboard
        yield click("Phone label")
        yield click(p["kind"])
        yield enter(p["email"], "Email")
        yield "press(back)"
        yield from seek(screen, "Note")
        yield enter(p["note"], "Note")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave the kind of number as it is."""
        yield from launch(screen, "Contacts")
        yield click("Create contact")
        yield from self.fill(p)
        yield "press(back)"
        yield enter(p["email"], "Email")
        yield "press(back)"
        yield from seek(screen, "Note")
        yield enter(p["note"], "Note")
        yield click("Save")


class AddTwo(AddContact):
    """Two new contacts."""

    name = "ContactsAddTwo"
    instruction = "Create two new contacts: {name} with the phone number {number}, and {name2} with {number2}."
    checkpoints: tuple[str, ...] = ("open the contacts", "save one of them", "save both")
    steps = 12

    def draw(self, rng: random.Random) -> Params:
        """Draw the second one as well."""
        p = super().draw(rng)
        *people, second = p["people"]
        return {**p, "people": people, "second": second, "name2": name_of(second), "number2": second["number"]}

    def after(self, p: Params) -> list[Person]:
        """Return everybody and both."""
        return [*p["people"], p["new"], p["second"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether one of them is there."""
        here = cards(phone)
        return (any(card in here for card in wanted_cards([p["new"], p["second"]])),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill two forms in."""
        yield from super().solve(screen, p)
        yield "press(back)"
        yield click("Create contact")
        yield from self.fill({"new": p["second"]})
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Confuse the two numbers."""
        new, second = p["new"], p["second"]
        mixed = {"new": {**new, "number": second["number"]}, "second": {**second, "number": new["number"]}}
        yield from self.solve(screen, {**p, **mixed})


class ChosenContact(ContactTask):
    """Base of the tasks about one of several people."""

    checkpoints: tuple[str, ...] = ("open the contacts", "open the card of {name}", "done")

    def draw(self, rng: random.Random) -> Params:
        """Draw people and one of them."""
        people = draw_people(rng, rng.randint(5, 12))
        which = rng.randrange(len(people))
        return {"people": people, "which": which, "name": name_of(people[which])}

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether a card or its form is open, or all is done."""
        open_ = any(part in phone.foreground() for part in ("QuickContactActivity", "ContactEditorActivity"))
        return (open_ or self.solved(phone, p),)

    def other(self, p: Params) -> str:
        """Return another name."""
        return name_of(p["people"][(p["which"] + 1) % len(p["people"])])


class StarContact(ChosenContact):
    """A new favourite."""

    name = "ContactsStar"
    instruction = "Add {name} to the favorites in Contacts."
    checkpoints: tuple[str, ...] = ("open the contacts", "open the card of {name}", "make {name} a favorite")
    steps = 3

    def after(self, p: Params) -> list[Person]:
        """Return the people with a favourite."""
        return changed(p["people"], p["which"], starred=True)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch the star of the card."""
        yield from find(screen, p["name"])
        yield click("Add to favorites")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Star somebody else."""
        yield from self.solve(screen, {**p, "name": self.other(p)})


class DeleteContact(ChosenContact):
    """One contact less."""

    name = "ContactsDelete"
    instruction = "Delete the contact {name}."
    checkpoints: tuple[str, ...] = ("open the contacts", "open the card of {name}", "delete {name}")
    steps = 5

    def after(self, p: Params) -> list[Person]:
        """Return the others."""
        return [person for place, person in enumerate(p["people"]) if place != p["which"]]

    def ask(self, screen: Screen, p: Params) -> Iterator[str]:
        """Yield what leads to the question."""
        yield from find(screen, p["name"])
        yield click("More options")
        yield click("Delete")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete it from its card."""
        yield from self.ask(screen, p)
        yield click("Delete")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Cancel the question."""
        yield from self.ask(screen, p)
        yield click("Cancel")


class DeleteSeveral(ChosenContact):
    """Several contacts less."""

    name = "ContactsDeleteSeveral"
    instruction = "Delete these contacts and no others: {names}."
    checkpoints: tuple[str, ...] = ("open the contacts", "delete one of them", "delete all of them")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw people and two or three of them."""
        people = draw_people(rng, rng.randint(6, 9))
        gone = sorted(rng.sample(range(len(people)), rng.randint(2, 3)), key=lambda n: name_of(people[n]))
        return {"people": people, "gone": gone, "names": ", ".join(name_of(people[n]) for n in gone)}

    def after(self, p: Params) -> list[Person]:
        """Return the others."""
        return [person for place, person in enumerate(p["people"]) if place not in p["gone"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Return whether one of them has gone."""
        here = {(card[0], card[1]) for card in cards(phone)}
        return (any((p["people"][n]["first"], p["people"][n]["last"]) not in here for n in p["gone"]),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Select them and delete them at once."""
        yield from launch(screen, "Contacts")
        for turn, number in enumerate(p["gone"]):
            name = name_of(p["people"][number])
            yield from seek(screen, name)
            yield click(name) if turn else long_press(name)
        yield click("Delete")
        yield click("Delete")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Take one too many."""
        extra = next(n for n in range(len(p["people"])) if n not in p["gone"])
        yield from self.solve(screen, {**p, "gone": [*p["gone"], extra]})


class ChangeNumber(ChosenContact):
    """Another number."""

    name = "ContactsChangeNumber"
    instruction = "{name} has a new phone number: {number}. Replace the old one in Contacts."
    checkpoints: tuple[str, ...] = ("open the contacts", "open the card of {name}", "save the new number")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw a new number as well."""
        return {**super().draw(rng), "number": draw_number(rng)[:-3] + str(rng.randint(200, 299))}

    def after(self, p: Params) -> list[Person]:
        """Return the people with the new number."""
        return changed(p["people"], p["which"], number=p["number"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Replace it in the form."""
        yield from find(screen, p["name"])
        yield click("Edit contact")
        yield enter(p["number"], "Phone").replace("type[", "replace[", 1)
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Write it behind the old one."""
        yield from find(screen, p["name"])
        yield click("Edit contact")
        yield enter(p["number"], "Phone")
        yield click("Save")


class AddEmail(ChosenContact):
    """An address and a company for somebody."""

    name = "ContactsAddEmailAndCompany"
    instruction = "Add the email address {email} and the company {company} to the contact {name}."
    checkpoints: tuple[str, ...] = ("open the contacts", "open the card of {name}", "save address and company")
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw address and company as well."""
        p = super().draw(rng)
        first = p["people"][p["which"]]["first"].lower()
        return {**p, "email": f"{first}@example.{rng.choice(('org', 'com', 'net'))}", "company": rng.choice(COMPANIES)}

    def after(self, p: Params) -> list[Person]:
        """Return the people with both."""
        return changed(p["people"], p["which"], email=p["email"], company=p["company"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill both in."""
        yield from find(screen, p["name"])
        yield click("Edit contact")
        yield enter(p["company"], "Company")
        yield "press(back)"
        yield enter(p["email"], "Email")
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the company."""
        yield from find(screen, p["name"])
        yield click("Edit contact")
        yield enter(p["email"], "Email")
        yield click("Save")


class FindNumber(ChosenContact, AppQuestion):
    """What is somebody's number?"""

    name = "ContactsFindNumber"
    instruction = "What is the phone number of {name}? Answer with the digits."
    checkpoints: tuple[str, ...] = ("open the contacts", "give the number of {name}")
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw the answer as well."""
        p = super().draw(rng)
        return {**p, "answer": p["people"][p["which"]]["number"]}

    reached = AppQuestion.reached

    def says(self, given: str, p: Params) -> bool:
        """Compare digits."""
        return digits(given) == str(p["answer"])

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read it off the card."""
        yield from find(screen, p["name"])
        shown = next(word for e in screen.elements for word in e.words if digits(word) == p["answer"])
        yield answer(shown)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read it off another card."""
        yield from find(screen, self.other(p))
        yield answer(p["people"][(p["which"] + 1) % len(p["people"])]["number"])


class WhoseNumber(ChosenContact, AppQuestion):
    """Whose number is it?"""

    name = "ContactsWhoseNumber"
    instruction = "Which of my contacts has the phone number {number}? Answer with the full name."
    checkpoints: tuple[str, ...] = ("open the contacts", "give the name")
    steps = 4

    def draw(self, rng: random.Random) -> Params:
        """Draw the answer as well."""
        p = super().draw(rng)
        return {**p, "answer": p["name"], "number": p["people"][p["which"]]["number"]}

    reached = AppQuestion.reached

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Search for the number."""
        yield from launch(screen, "Contacts")
        yield click("Search contacts")
        yield enter(p["number"])
        yield answer(p["name"] if screen.has(p["name"]) else "nobody")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Guess."""
        yield from launch(screen, "Contacts")
        yield answer(self.other(p))


TEMPLATES: tuple[Template, ...] = (
    AddContact(),
    AddFullContact(),
    AddTwo(),
    StarContact(),
    DeleteContact(),
    DeleteSeveral(),
    ChangeNumber(),
    AddEmail(),
    FindNumber(),
    WhoseNumber(),
)
